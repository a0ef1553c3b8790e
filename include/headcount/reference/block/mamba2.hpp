#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
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
#include <headcount/reference/parallel.hpp>

namespace headcount::v0::reference {

/// The gate and the norm at the end of a Mamba-2 block.
///
///     gated       y * silu(z)
///     norm_last   norm(y * silu(z))
///     norm_first  norm(y) * silu(z)
enum class gated_norm : unsigned char { gated, norm_last, norm_first };

/// A Mamba-2 block (state space duality), token by token. Head i reads the B and C of group i / (heads / groups).
///
///     z, x, B, C, dt = in_projection input     (x, B, C) are convolved and gated by SiLU
///     step_t         = clip(softplus(dt_t + step_bias), least_step, most_step)                      one a head
///     S_t            = exp(step_t A) S_{t-1} + step_t x_t B_t^T                                     [head_dim, state]
///     y_t            = S_t C_t + D x_t
///     output         = out_projection(gated norm of y and z), the norm over each of `norm_parts` parts
///
/// Source: Dao & Gu 2024, arXiv 2405.21060, section 7; limits and norms as each model has them.
struct mamba2_block {
  static constexpr std::string_view kind = "mamba2";

  linear in_projection{};            ///< [2 * channels + 2 * groups * states + heads, width]: z, x, B, C, dt
  linear out_projection{};           ///< [width, channels]
  causal_convolution convolution{};  ///< over x, B, C
  std::vector<float> a{};            ///< [head], -exp(A_log)
  std::vector<float> step_bias{};    ///< [head]
  std::vector<float> skip{};         ///< [head], D
  rms_norm norm{};                   ///< gain [channel]; none where it is only gated
  gated_norm ending = gated_norm::norm_last;
  std::size_t norm_parts = 1;
  std::size_t head_dim = 1;
  std::size_t groups = 1;
  std::size_t states = 1;
  float least_step = 0;
  float most_step = std::numeric_limits<float>::infinity();
  std::array<float, 5> part_scales{1, 1, 1, 1, 1};  ///< factors on z, x, B, C, dt

  [[nodiscard]] std::size_t heads() const noexcept { return a.size(); }
  [[nodiscard]] std::size_t channels() const noexcept { return heads() * head_dim; }
  [[nodiscard]] recurrence empty_state() const {
    return {aligned_floats((convolution.width - 1) * convolution.channels), aligned_floats(channels() * states)};
  }
};

/// Runs the recurrence over one sequence's tokens: the x of `convolved`, `[token, x B C]`, become y, in place. `steps`
/// is `[token, head]`, `hidden` `[head, head_dim, state]`. Heads are spread over threads.
inline void scan_mamba2(mamba2_block const& block, segment const& rows, matrix& convolved, matrix const& steps,
                        std::span<float> hidden) {
  auto const dim = index(block.head_dim);
  auto const states = index(block.states);
  auto const channels = index(block.channels());
  for_each_index(block.heads(), [&](std::size_t head) {
    Eigen::Map<matrix> state{hidden.data() + head * block.head_dim * block.states, dim, states};
    auto const group = index(head / (block.heads() / block.groups));
    for (std::size_t token = 0; token < rows.count; ++token) {
      auto const row = index(rows.begin + token);
      float const step = steps(row, index(head));
      auto x = convolved.row(row).segment(index(head) * dim, dim);
      auto const b = convolved.row(row).segment(channels + group * states, states);
      auto const c = convolved.row(row).segment(channels + (index(block.groups) + group) * states, states);
      state *= std::exp(step * block.a[head]);
      state.noalias() += (step * x.transpose()) * b;
      x = (state * c.transpose()).transpose() + block.skip[head] * x;
    }
  });
}

/// x `[token, width]`, packed; `states` has one state a segment. Gives the block's output for the wanted tokens,
/// without what was ablated.
[[nodiscard]] inline matrix apply(mamba2_block const& block, matrix const& x, std::span<segment const> segments,
                                  std::span<recurrence* const> states, wanted which,
                                  ablated_channels const& ablated = {}) {
  auto const channels = index(block.channels());
  auto const shared = index(block.groups * block.states);
  matrix projected = apply(block.in_projection, x);
  Eigen::Index at = 0;
  for (std::size_t part = 0; part < block.part_scales.size(); ++part) {
    std::array const extents{channels, channels, shared, shared, index(block.heads())};
    if (block.part_scales[part] != 1) projected.middleCols(at, extents[part]) *= block.part_scales[part];
    at += extents[part];
  }
  matrix convolved = projected.middleCols(channels, channels + 2 * shared);
  for (std::size_t i = 0; i < segments.size(); ++i)
    apply(block.convolution, segments[i], convolved, states[i]->past_inputs, ablated.past_taps);
  apply(activation::silu, convolved);

  matrix steps = projected.rightCols(index(block.heads()));
  for (std::size_t token = 0; token < size(steps.rows()); ++token)
    for (std::size_t head = 0; head < block.heads(); ++head) {
      auto& step = row_of(steps, token)[head];
      step = std::clamp(softplus(step + block.step_bias[head]), block.least_step, block.most_step);
    }
  for (std::size_t i = 0; i < segments.size(); ++i)
    scan_mamba2(block, segments[i], convolved, steps, states[i]->hidden);

  matrix y = wanted_rows(convolved.leftCols(channels), segments, which);
  matrix gate = wanted_rows(projected.leftCols(channels), segments, which);
  apply(activation::silu, gate);
  auto const normalise = [&] {
    for (std::size_t token = 0; token < size(y.rows()); ++token)
      apply_to_parts(block.norm, row_of(y, token), block.channels() / block.norm_parts);
  };
  if (block.ending == gated_norm::norm_first) normalise();
  y.array() *= gate.array();
  if (block.ending == gated_norm::norm_last) normalise();
  clear_channels(ablated.outputs, y);
  return apply(block.out_projection, y);
}

}  // namespace headcount::v0::reference
