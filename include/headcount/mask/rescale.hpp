#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::mask {

/// A dropped head contributes nothing, and the kept ones make up for it, as dropout does in training:
///
///     dropped: output becomes 0        kept: output becomes output * heads / kept heads
///
/// What the layer adds keeps its size on average. With no head kept all outputs are 0. O(heads * dim), no allocation.
/// Source: Srivastava et al. 2014, "Dropout" (inverted form), of heads in the place of units.
struct rescale {
  static constexpr std::string_view name = "rescale";
  static constexpr part_about about{"nothing, and the outputs of kept heads are scaled up to make up for it",
                                    "0 * output; kept: output heads / kept heads",
                                    "Srivastava et al. 2014, \"Dropout\", of heads"};

  constexpr void operator()(std::ranges::forward_range auto&& output) const noexcept {
    for (auto& value : output) value = {};
  }
  [[nodiscard]] constexpr mask_factors factors(std::size_t kept, std::size_t heads) const noexcept {
    return {.outputs = kept == 0 ? 1 : static_cast<double>(heads) / static_cast<double>(kept)};
  }
};

}  // namespace headcount::v0::mask
