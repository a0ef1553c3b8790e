#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0 {

// A selector chooses the heads to keep from their scores, one a head in head order. Of equal scores the lower head
// index comes first, and NaN comes after every number: no selector prefers a head without a score. A selector either
// needs nothing but the scores, or is told the site, or remembers, or is given all there is for one inside it.

/// Chooses by the scores alone: top_k.
template <class Select>
concept score_selector = policy_part<Select> && requires(Select const& select, std::span<double const> scores) {
  { select(scores) } noexcept -> std::same_as<head_set>;
};

/// Chooses by the scores and where they were taken: the layer's budget, its groups, a draw.
template <class Select>
concept site_selector =
    policy_part<Select> && requires(Select const& select, std::span<double const> scores, site const& where) {
      { select(scores, where) } noexcept -> std::same_as<head_set>;
    };

/// Chooses by the scores and what it remembers of the token before: hysteresis. `memory` holds `state_size()` numbers a
/// head, `[slot, head]`, NaN where nothing is remembered yet; it is empty where nobody keeps a memory.
template <class Select>
concept remembering_selector =
    policy_part<Select> && requires(Select const& select, std::span<double const> scores, std::span<double> memory) {
      { select(scores, memory) } noexcept -> std::same_as<head_set>;
      { select.state_size() } noexcept -> std::same_as<std::size_t>;
    };

/// Chooses by another selector's choice: what that may ask for is handed on, `memory` with it.
template <class Select>
concept joint_selector = policy_part<Select> && requires(Select const& select, std::span<double const> scores,
                                                         site const& where, std::span<double> memory) {
  { select(scores, where, memory) } noexcept -> std::same_as<head_set>;
  { select.state_size() } noexcept -> std::same_as<std::size_t>;
};

/// Chooses the heads to keep in one of these ways.
template <class Select>
concept selector = int{score_selector<Select>} + int{site_selector<Select>} + int{remembering_selector<Select>} +
                       int{joint_selector<Select>} ==
                   1;

/// The heads that a selector keeps at a site, told the site, or what it remembers, if it asks for it.
template <class Select>
[[nodiscard]] constexpr head_set select_heads(Select const& select, std::span<double const> scores, site const& where,
                                              std::span<double> memory = {}) noexcept {
  if constexpr (requires { select(scores, where, memory); }) return select(scores, where, memory);  // any of them
  else if constexpr (requires { select(scores, where); }) return select(scores, where);
  else if constexpr (requires { select(scores, memory); }) return select(scores, memory);
  else return select(scores);
}

namespace select {

/// The head with the highest score among those not in `taken`; scores.size() when all are. O(heads).
[[nodiscard]] constexpr std::size_t best_head_outside(head_set const& taken, std::span<double const> scores) noexcept {
  std::size_t best = scores.size();
  for (std::size_t head = 0; head < scores.size(); ++head) {
    if (taken.contains(head)) continue;
    bool const first = best == scores.size();
    bool const better =
        !first && (scores[head] > scores[best] || (scores[best] != scores[best] && scores[head] == scores[head]));
    if (first || better) best = head;
  }
  return best;
}

/// The `count` heads with the highest scores; all when there are no more. O(heads * count).
[[nodiscard]] constexpr head_set best_heads(std::span<double const> scores, std::size_t count) noexcept {
  head_set best;
  for (std::size_t taken = 0; taken < count && taken < scores.size(); ++taken)
    best.insert(best_head_outside(best, scores));
  return best;
}

}  // namespace select

}  // namespace headcount::v0
