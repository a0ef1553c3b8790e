#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/head_set.hpp>
#include <headcount/part/part.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::select {

/// Keeps a share of a layer's heads, whatever their number: the ceil(f * heads) best, so one at least when f > 0.
/// Counted as the least n with n / heads >= f, so that rounding adds no head: 0.07 of 100 heads are 7.
/// O(heads * heads kept), no allocation.
/// Source: Liu et al. 2023 (Deja Vu), arXiv 2310.17157, whose predictors keep a fixed share of a layer's heads.
struct fraction {
  static constexpr std::string_view name = "fraction";
  static constexpr part_about about{"a share f of the layer's heads, the best ones", "ceil(f heads) heads",
                                    "Liu et al. 2023 (Deja Vu), arXiv 2310.17157"};

  double f = 0.15;  ///< share of the heads kept at a query, 0 to 1

  static constexpr auto fields =
      field_list{leading_field("f", &fraction::f, "share of the heads kept at a query", {0.0, 1.0})};

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores) const noexcept {
    std::size_t count = 0;
    while (count < scores.size() && static_cast<double>(count) / static_cast<double>(scores.size()) < f) ++count;
    return best_heads(scores, count);
  }
};

}  // namespace headcount::v0::select
