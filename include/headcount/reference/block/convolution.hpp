#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/index_ranges.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/reference/block/segment.hpp>

namespace headcount::v0::reference {

/// Causal convolution of each channel over the last `width` tokens:
/// y_t = bias + sum_i tap_i * x_{t - width + 1 + i}, with x = 0 before the first token.
struct causal_convolution {
  std::vector<float> taps{};  ///< [width, channel], the newest token's tap last
  std::vector<float> bias{};  ///< [channel], or empty for none
  std::size_t width = 4;
  std::size_t channels = 0;
};

/// Convolves one sequence's tokens of `x`, `[token, channel]`, in place. `past` holds the inputs of the last width - 1
/// tokens, `[width - 1, channel]`, oldest first, and is brought up to date. The channels of `past_taps` see the token
/// itself alone.
inline void apply(causal_convolution const& block, segment const& rows, matrix& x, aligned_floats& past,
                  index_ranges const& past_taps = {}) {
  auto const channels = block.channels;
  past.resize((block.width - 1 + rows.count) * channels);
  std::copy_n(x.data() + rows.begin * channels, rows.count * channels, past.data() + (block.width - 1) * channels);
  auto const at = [&](std::span<float const> values, std::size_t row) {
    return as_array(values.subspan(row * channels, channels));
  };
  for (std::size_t token = 0; token < rows.count; ++token) {
    auto y = as_array(row_of(x, rows.begin + token));
    if (block.bias.empty()) y.setZero();
    else y = at(block.bias, 0);
    for (std::size_t tap = 0; tap < block.width; ++tap) y += at(block.taps, tap) * at(past, token + tap);
    past_taps.for_each_in_row(0, channels, [&](std::size_t begin, std::size_t end) {
      auto const some = [&](auto const& row) { return row.segment(index(begin), index(end - begin)); };
      y.segment(index(begin), index(end - begin)) =
          some(at(block.taps, block.width - 1)) * some(at(past, token + block.width - 1));
      if (!block.bias.empty()) y.segment(index(begin), index(end - begin)) += some(at(block.bias, 0));
    });
  }
  past.erase(past.begin(), past.end() - static_cast<std::ptrdiff_t>((block.width - 1) * channels));
  if (rows.count > block.width) past.shrink_to_fit();  // a prompt's room is not kept
}

}  // namespace headcount::v0::reference
