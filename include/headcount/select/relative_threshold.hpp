#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/head_set.hpp>
#include <headcount/part/part.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::select {

/// Keeps every head whose score comes near the best one's: the bar is x times the best score.
///
///     bar = best - (1 - x) * |best|        (x * best; (2 - x) * best below zero)
///
/// So a best score below zero, as entropy gives, lowers the bar as far as one above zero would. The best head and those
/// equal to it are always kept, unless it is NaN; nothing else is beside an infinite one. O(heads), no allocation.
/// Source: own; on probabilities this is min-p sampling (Nguyen et al. 2024, arXiv 2407.01082).
struct relative_threshold {
  static constexpr std::string_view name = "relative_threshold";
  static constexpr part_about about{"heads whose score comes near the best one's", "score >= best - (1 - x) |best|",
                                    "own, after min-p, arXiv 2407.01082"};

  double x = 0.5;  ///< the lowest score kept, as a share of the best, 0 to 1

  static constexpr auto fields = field_list{
      leading_field("x", &relative_threshold::x, "the lowest score kept, as a share of the best", {0.0, 1.0})};

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores) const noexcept {
    head_set kept;
    if (scores.empty()) return kept;
    double const best = scores[best_head_outside({}, scores)];
    double const bar = best * (best < 0 ? 2 - x : x);
    for (std::size_t head = 0; head < scores.size(); ++head)
      if (scores[head] == best || scores[head] >= bar) kept.insert(head);
    return kept;
  }
};

}  // namespace headcount::v0::select
