#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/select/count.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::select {

/// Keeps the k heads with the highest scores at each query; of equal scores the lower head index.
/// k = 0 keeps none. O(heads * k), no allocation.
/// Errors: validate throws when k is more than the layer's heads.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861.
struct top_k {
  static constexpr std::string_view name = "top_k";
  static constexpr part_about about{"the k heads with the highest scores", "heads of rank < k",
                                    "Michalak & Abreu 2025, arXiv 2510.19861"};

  std::size_t k = 2;  ///< heads kept at a query, 0 to the layer's heads; 2 is the published default

  static constexpr auto fields =
      field_list{leading_field("k", &top_k::k, "heads kept at a query", {0, head_set::capacity()})};

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores) const noexcept {
    return best_heads(scores, k);
  }
};

/// A mistake when the layer has fewer than k heads.
[[nodiscard]] inline std::optional<error> find_mistake(top_k const& part, site const& where) {
  return find_too_many(part, part.k, where);
}

}  // namespace headcount::v0::select
