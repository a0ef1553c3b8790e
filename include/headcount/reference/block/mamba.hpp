#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/reference/block/ablated_channels.hpp>
#include <headcount/reference/block/activation.hpp>
#include <headcount/reference/block/convolution.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/norm.hpp>
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/reference/block/segment.hpp>

namespace headcount::v0::reference {

/// A Mamba-1 block with Jamba's RMSNorm on dt, B and C.
///
///     u, z    = in_projection x             u_t is convolved and gated by SiLU
///     dt, B, C = x_projection u             each normalised; step_t = softplus(dt_projection dt)
///     h_t[n]  = exp(step_t * A[n]) h_{t-1}[n] + step_t * B_t[n] * u_t
///     y_t     = sum_n C_t[n] h_t[n] + D u_t
///     output  = out_projection(y * silu(z))
///
/// Source: Gu & Dao 2023, arXiv 2312.00752, algorithm 2; norms from Lieber et al. 2024, arXiv 2403.19887.
struct mamba_block {
  static constexpr std::string_view kind = "mamba";

  linear in_projection{};   ///< [2 * channels, width]: u, then z
  linear x_projection{};    ///< [rank + 2 * states, channels]: dt, B, C
  linear dt_projection{};   ///< [channels, rank]
  linear out_projection{};  ///< [width, channels]
  causal_convolution convolution{};
  rms_norm dt_norm{};
  rms_norm b_norm{};
  rms_norm c_norm{};
  std::vector<float> a{};     ///< [state, channel], -exp(A_log)
  std::vector<float> skip{};  ///< [channel], D

  [[nodiscard]] std::size_t channels() const noexcept { return skip.size(); }
  [[nodiscard]] std::size_t states() const noexcept { return a.size() / skip.size(); }
  [[nodiscard]] recurrence empty_state() const {
    return {aligned_floats((convolution.width - 1) * convolution.channels), aligned_floats(a.size())};
  }
};

/// Runs the recurrence over one sequence's tokens: `u` becomes y, in place. `step` is `[token, channel]`, `b` and `c`
/// are `[token, state]`.
inline void scan_mamba(mamba_block const& block, segment const& rows, matrix& u, matrix const& step, matrix const& b,
                       matrix const& c, std::span<float> hidden) {
  auto const channels = block.channels();
  auto const skip = as_array(std::span{block.skip});
  row_array input(index(channels));
  for (std::size_t token = 0; token < rows.count; ++token) {
    auto const row = index(rows.begin + token);
    auto y = u.row(row).array();
    auto const dt = step.row(row).array();
    input = dt * y;
    y *= skip;
    for (std::size_t state = 0; state < block.states(); ++state) {
      auto h = as_array(hidden.subspan(state * channels, channels));
      auto const a = as_array(std::span{block.a}.subspan(state * channels, channels));
      h = (dt * a).exp() * h + b(row, index(state)) * input;
      y += c(row, index(state)) * h;
    }
  }
}

/// x `[token, width]`, packed; `states` has one state a segment. Gives the block's output for the wanted tokens,
/// without what was ablated.
[[nodiscard]] inline matrix apply(mamba_block const& block, matrix const& x, std::span<segment const> segments,
                                  std::span<recurrence* const> states, wanted which,
                                  ablated_channels const& ablated = {}) {
  auto const channels = index(block.channels());
  auto const state_count = index(block.states());
  matrix const projected = apply(block.in_projection, x);
  matrix u = projected.leftCols(channels);
  for (std::size_t i = 0; i < segments.size(); ++i)
    apply(block.convolution, segments[i], u, states[i]->past_inputs, ablated.past_taps);
  apply(activation::silu, u);

  matrix const selected = apply(block.x_projection, u);
  matrix const b = apply(block.b_norm, matrix{selected.middleCols(selected.cols() - 2 * state_count, state_count)});
  matrix const c = apply(block.c_norm, matrix{selected.rightCols(state_count)});
  matrix step =
      apply(block.dt_projection, apply(block.dt_norm, matrix{selected.leftCols(selected.cols() - 2 * state_count)}));
  step = step.array().cwiseMax(0.0f) + (-step.array().abs()).exp().log1p();

  for (std::size_t i = 0; i < segments.size(); ++i) scan_mamba(block, segments[i], u, step, b, c, states[i]->hidden);
  matrix gate = wanted_rows(projected.rightCols(channels), segments, which);
  apply(activation::silu, gate);
  gate.array() *= wanted_rows(u, segments, which).array();
  clear_channels(ablated.outputs, gate);
  return apply(block.out_projection, gate);
}

}  // namespace headcount::v0::reference
