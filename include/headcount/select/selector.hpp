#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/head_set.hpp>
#include <headcount/core/part.hpp>

namespace headcount::inline v0 {

/// Chooses the heads to keep from their scores, one a head in head order. Of equal scores the lower head index comes
/// first, and NaN comes after every number: no selector prefers a head without a score.
template <class Select>
concept selector = policy_part<Select> && requires(Select const& select, std::span<double const> scores) {
  { select(scores) } noexcept -> std::same_as<head_set>;
};

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

}  // namespace select

}  // namespace headcount::inline v0
