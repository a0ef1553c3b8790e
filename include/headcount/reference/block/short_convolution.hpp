#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/reference/block/ablated_channels.hpp>
#include <headcount/reference/block/convolution.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/reference/block/segment.hpp>

namespace headcount::v0::reference {

/// A gated short convolution: what it remembers are a few tokens, and no state.
///
///     b, c, v = in_projection x
///     output  = out_projection(c * convolution(b * v))
///
/// Source: Liquid AI 2025, arXiv 2511.23404; transformers' Lfm2ShortConv.
struct short_convolution {
  static constexpr std::string_view kind = "short_convolution";

  linear in_projection{};   ///< [3 * channels, width]: b, c, v
  linear out_projection{};  ///< [width, channels]
  causal_convolution convolution{};

  [[nodiscard]] std::size_t channels() const noexcept { return convolution.channels; }
  [[nodiscard]] recurrence empty_state() const {
    return {aligned_floats((convolution.width - 1) * convolution.channels), {}};
  }
};

/// x `[token, width]`, packed; `states` has one state a segment. Gives the block's output for the wanted tokens,
/// without what was ablated.
[[nodiscard]] inline matrix apply(short_convolution const& block, matrix const& x, std::span<segment const> segments,
                                  std::span<recurrence* const> states, wanted which,
                                  ablated_channels const& ablated = {}) {
  auto const channels = index(block.channels());
  matrix const projected = apply(block.in_projection, x);
  matrix convolved = projected.leftCols(channels).cwiseProduct(projected.rightCols(channels));
  for (std::size_t i = 0; i < segments.size(); ++i)
    apply(block.convolution, segments[i], convolved, states[i]->past_inputs, ablated.past_taps);
  matrix y = wanted_rows(projected.middleCols(channels, channels), segments, which);
  y.array() *= wanted_rows(convolved, segments, which).array();
  clear_channels(ablated.outputs, y);
  return apply(block.out_projection, y);
}

}  // namespace headcount::v0::reference
