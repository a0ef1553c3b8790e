#pragma once

#include <ranges>
#include <string_view>

#include <headcount/core/part.hpp>

namespace headcount::inline v0::mask {

/// A dropped head contributes nothing: its output is multiplied by 0 before the output projection. The projection's
/// bias, if it has one, stays. O(dim), no allocation.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861.
struct zero {
  static constexpr std::string_view name = "zero";
  static constexpr part_about about{
      "nothing: its output becomes 0 before the output projection; the projection's bias stays", "0 * output",
      "Michalak & Abreu 2025, arXiv 2510.19861"};

  constexpr void operator()(std::ranges::forward_range auto&& output) const noexcept {
    for (auto& value : output) value = {};
  }
};

}  // namespace headcount::inline v0::mask
