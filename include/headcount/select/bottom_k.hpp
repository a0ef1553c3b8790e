#pragma once

#include <array>
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

/// A control: keeps the k heads with the lowest scores at each query; of equal scores the lower head index, and a head
/// scored NaN only after every other. O(heads * k), no allocation.
/// Errors: validate throws when k is more than the layer's heads.
/// Source: own.
struct bottom_k {
  static constexpr std::string_view name = "bottom_k";
  static constexpr part_about about{"a control: the k heads with the lowest scores", "heads of rank >= heads - k",
                                    "own"};

  std::size_t k = 2;  ///< heads kept at a query, 0 to the layer's heads

  static constexpr auto fields =
      field_list{leading_field("k", &bottom_k::k, "heads kept at a query", {0, head_set::capacity()})};

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores) const noexcept {
    std::array<double, head_set::capacity()> negated{};
    for (std::size_t head = 0; head < scores.size(); ++head) negated[head] = -scores[head];
    return best_heads(std::span<double const>{negated}.first(scores.size()), k);
  }
};

/// A mistake when the layer has fewer than k heads.
[[nodiscard]] inline std::optional<error> find_mistake(bottom_k const& part, site const& where) {
  return find_too_many(part, part.k, where);
}

}  // namespace headcount::v0::select
