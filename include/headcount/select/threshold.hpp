#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/head_set.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::select {

/// Keeps every head whose score reaches a bar: score >= x. A head scored NaN is dropped.
/// x is in the scorer's unit (bits for entropy). It may keep all heads or none. O(heads), no allocation.
/// Source: own; the runtime form of a gate threshold (DuoAttention, arXiv 2410.10819, thresholds its learned gates).
struct threshold {
  static constexpr std::string_view name = "threshold";
  static constexpr part_about about{"heads whose score reaches a bar", "score >= x",
                                    "own, after DuoAttention, arXiv 2410.10819"};

  double x = 0;  ///< the lowest score kept, any finite number, in the scorer's unit

  static constexpr auto fields =
      field_list{leading_field("x", &threshold::x, "the lowest score kept, in the scorer's unit")};

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores) const noexcept {
    head_set kept;
    for (std::size_t head = 0; head < scores.size(); ++head)
      if (scores[head] >= x) kept.insert(head);
    return kept;
  }
};

}  // namespace headcount::v0::select
