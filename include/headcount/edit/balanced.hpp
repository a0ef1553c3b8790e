#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <tuple>

#include <headcount/core/part.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/token_positions.hpp>

namespace headcount::inline v0::edit {

/// Spreads attention evenly over these tokens and over the heads: every weight but those on T = `positions` becomes 0,
/// and every weight on T becomes the same, so that the mass on T, summed over heads, stays what it was.
///
///     w(head, t in T) = sum over heads and T of the weights / (heads * |T|)
///
/// T counts the positions the row sees. Reads the rows of all heads; O(heads * keys), no allocation.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861. (The published code also sums over the query rows of a prefill,
/// without dividing by them; here each row keeps its own mass.)
struct balanced {
  static constexpr std::string_view name = "balanced";

  token_positions positions;  ///< the tokens that share the attention

  static constexpr auto fields =
      std::tuple{leading_field("positions", &balanced::positions, "the tokens that share the attention")};

  void operator()(strided_view<float, 2> weights, std::size_t first) const noexcept {
    auto const heads = weights.extent(0);
    auto const keys = weights.extent(1);
    double mass = 0;
    std::size_t seen = 0;
    positions.for_each_in_row(first, keys, [&](std::size_t begin, std::size_t end) {
      seen += end - begin;
      for (std::size_t head = 0; head < heads; ++head)
        for (std::size_t key = begin; key < end; ++key) mass += static_cast<double>(weights(head, key));
    });
    auto const share = seen == 0 ? 0.0f : static_cast<float>(mass / static_cast<double>(heads * seen));
    for (std::size_t head = 0; head < heads; ++head) {
      std::ranges::fill(weights[head], 0.0f);
      positions.for_each_in_row(first, keys, [&](std::size_t begin, std::size_t end) {
        std::fill_n(weights[head].begin() + static_cast<std::ptrdiff_t>(begin), end - begin, share);
      });
    }
  }
};

}  // namespace headcount::inline v0::edit
