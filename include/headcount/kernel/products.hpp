#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <type_traits>

#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/lanes.hpp>
#include <headcount/kernel/shared_keys.hpp>

namespace headcount::v0::kernel {

/// Output features [begin, end) of a few tokens: y[token, row] = weight[row] . x[token]. Weights, of floats or of the
/// bits of bfloat16, are read as they lie, once, and widened in registers; tokens are taken 4, 2 or 1 at a time, and
/// what one gets does not depend on the others. `weight` `[out, in]`, x `[token, in]`, y `[token, out]`, last axes
/// contiguous. O(tokens * in * rows), no allocation.
template <class Number>
inline void multiply_few(strided_view<Number const, 2> weight, std::size_t begin, std::size_t end,
                         strided_view<float const, 2> x, strided_view<float, 2> y) noexcept {
  constexpr std::size_t rows_at_once = 64;  // what all tokens meet while it is near
  constexpr std::size_t rows_ahead = 8;
  key_block<Number> const block{weight.data(), weight.stride(0), 1, weight.extent(1), 1.0f};
  auto const take = [&]<std::size_t Tokens>(std::integral_constant<std::size_t, Tokens>, std::size_t token,
                                            std::size_t row, std::size_t last) {
    query_tile<Tokens> tile;
    for (std::size_t i = 0; i < Tokens; ++i) tile.queries[i] = x[token + i].data(), tile.rows[i] = y[token + i].data();
    constexpr std::size_t together = (std::min)(std::bit_floor(most_sums / Tokens), std::size_t{8});
    for (; row + together <= last; row += together)
      dot_keys<Tokens, together>(tile, block, row, token == 0 && row + together + rows_ahead <= end ? rows_ahead : 0);
    for (; row < last; ++row) dot_keys<Tokens, 1>(tile, block, row, 0);
  };
  auto const tokens = x.extent(0);
  for (auto first = begin; first < end; first += rows_at_once) {
    auto const last = (std::min)(end, first + rows_at_once);
    std::size_t token = 0;
    for (; token + 4 <= tokens; token += 4) take(std::integral_constant<std::size_t, 4>{}, token, first, last);
    if (token + 2 <= tokens) take(std::integral_constant<std::size_t, 2>{}, token, first, last), token += 2;
    if (token < tokens) take(std::integral_constant<std::size_t, 1>{}, token, first, last);
  }
}

}  // namespace headcount::v0::kernel
