#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>

#include <headcount/core/part.hpp>
#include <headcount/core/token_positions.hpp>

namespace headcount::inline v0::edit {

/// Takes all of attention away: every weight becomes 0, on every token.
/// `positions` may be given, as the published runs give them, and change nothing. O(keys), no allocation.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861. (The published code leaves a row alone when none of its positions
/// is left in a sliding window; here null is null.)
struct null {
  static constexpr std::string_view name = "null";

  token_positions positions;  ///< recorded, without effect

  static constexpr auto fields = std::tuple{
      optional_leading_field("positions", &null::positions, "recorded, without effect: all weights become 0")};

  void operator()(std::span<float> weights, std::size_t) const noexcept { std::ranges::fill(weights, 0.0f); }
};

}  // namespace headcount::inline v0::edit
