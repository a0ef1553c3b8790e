#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0 {

// A selector chooses the heads to keep from their scores, one a head in head order. Of equal scores the lower head
// index comes first, and NaN comes after every number: no selector prefers a head without a score.
//
//     head_set operator()(std::span<double const> scores[, site const&[, std::span<double> state]]) const noexcept
//
// It takes as much of this as it needs: the site for a layer's budget, its groups, a draw; the state for what it
// remembers of the token before. One that takes the state says `state_size()`, the numbers a head that it remembers,
// `[number, head]`, NaN where nothing is remembered yet; the state is empty where nobody keeps one.

/// What of that a selector takes.
struct selector_arguments {
  bool scores = false;
  bool site = false;
  bool state = false;

  [[nodiscard]] friend constexpr bool operator==(selector_arguments const&, selector_arguments const&) = default;
};

template <class Select>
inline constexpr selector_arguments selector_takes{
    .scores = requires(Select const& select,
                       std::span<double const> scores){{select(scores)} noexcept -> std::same_as<head_set>;
}  // namespace headcount::v0
, .site = requires(Select const& select, std::span<double const> scores, site const& where) {
  { select(scores, where) } noexcept -> std::same_as<head_set>;
}, .state = requires(Select const& select, std::span<double const> scores, site const& where, std::span<double> state) {
  { select(scores, where, state) } noexcept -> std::same_as<head_set>;
  { select.state_size() } noexcept -> std::same_as<std::size_t>;
}
}
;

/// Chooses the heads to keep.
template <class Select>
concept selector =
    policy_part<Select> &&
    int{selector_takes<Select>.scores} + int{selector_takes<Select>.site} + int{selector_takes<Select>.state} == 1;

/// The heads that a selector keeps at a site.
template <class Select>
[[nodiscard]] constexpr head_set select_heads(Select const& select, std::span<double const> scores, site const& where,
                                              std::span<double> state = {}) noexcept {
  if constexpr (selector_takes<Select>.state) return select(scores, where, state);  // any_selector, too
  else if constexpr (selector_takes<Select>.site) return select(scores, where);
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
