#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>

#include <headcount/core/part.hpp>
#include <headcount/core/token_positions.hpp>

namespace headcount::inline v0::edit {

/// Shows attention these tokens alone: every weight but those on `positions` becomes 0.
/// O(keys), no allocation.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861.
struct only {
  static constexpr std::string_view name = "only";

  token_positions positions;  ///< the tokens that stay visible

  static constexpr auto fields =
      std::tuple{leading_field("positions", &only::positions, "the tokens that stay visible")};

  void operator()(std::span<float> weights, std::size_t first) const noexcept {
    std::size_t done = 0;
    positions.for_each_in_row(first, weights.size(), [&](std::size_t begin, std::size_t end) {
      std::ranges::fill(weights.subspan(done, begin - done), 0.0f);
      done = end;
    });
    std::ranges::fill(weights.subspan(done), 0.0f);
  }
};

}  // namespace headcount::inline v0::edit
