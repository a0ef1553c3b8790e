#pragma once

#include <algorithm>
#include <cstddef>

#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/mamba2.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/block/short_convolution.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::evaluate {

// How many numbers a token each block of the reference model holds at its widest moment of a prefill, beside its input:
// what its `apply` keeps at once, and nothing of what it has given free. O(1) each.

/// Rows of a linear map, 0 where there is none.
[[nodiscard]] inline std::size_t rows_of(reference::linear const& map) noexcept { return map ? map.weight.rows() : 0; }

/// Keys, values, a copy of the input, queries, gates, and what is projected.
[[nodiscard]] inline std::size_t working_size_of(reference::attention const& block) noexcept {
  return rows_of(block.key) + rows_of(block.value) + block.query.weight.row_size() + rows_of(block.query) +
         rows_of(block.gate) + rows_of(block.output);
}

/// What goes through the recurrence, its two gates, a copy of the input, the gate, and the outputs.
[[nodiscard]] inline std::size_t working_size_of(reference::rg_lru_block const& block) noexcept {
  return 5 * block.channels() + rows_of(block.output);
}

/// Both projections in, the convolved half, steps, B and C twice, and gate and outputs, the first twice.
[[nodiscard]] inline std::size_t working_size_of(reference::mamba_block const& block) noexcept {
  return 7 * block.channels() + 2 * rows_of(block.x_projection);
}

/// What is projected in, the convolved part, and gate and outputs, the first twice.
[[nodiscard]] inline std::size_t working_size_of(reference::mamba2_block const& block) noexcept {
  return rows_of(block.in_projection) + block.convolution.channels + block.heads() + 3 * block.channels();
}

/// What is convolved, and either its parts before they are joined, or outputs, gates and a copy of the input.
[[nodiscard]] inline std::size_t working_size_of(reference::gated_delta_net const& block) noexcept {
  auto const joined = block.convolution.channels;
  return joined + (std::max)(joined, 2 * block.channels() + block.query.weight.row_size());
}

/// Three projections in, what is convolved twice, and the outputs twice.
[[nodiscard]] inline std::size_t working_size_of(reference::short_convolution const& block) noexcept {
  return 7 * block.channels();
}

/// Hidden units, and either a second branch of them or the outputs.
[[nodiscard]] inline std::size_t working_size_of(reference::mlp const& block) noexcept {
  return rows_of(block.up) + (std::max)(rows_of(block.gate), rows_of(block.down));
}

/// The router's weights, what experts add up to, and one of them or the shared one with its outputs.
[[nodiscard]] inline std::size_t working_size_of(reference::experts const& block) noexcept {
  auto const width = rows_of(block.members.front().down);
  auto const member = 2 * width + working_size_of(block.members.front());
  return rows_of(block.router) + width +
         (std::max)(member * block.chosen / block.members.size(),
                    block.shared ? width + working_size_of(*block.shared) : 0);
}

/// The numbers a token of a whole pass: of its widest block, and of the residual stream, what a norm made of it and
/// what is added to it.
[[nodiscard]] inline std::size_t working_size_of(reference::model const& model) {
  std::size_t widest = 0;
  for (auto const& layer : model.layers) {
    auto const consider = [&](auto const& block) { widest = (std::max)(widest, working_size_of(block)); };
    if (layer.attention) consider(*layer.attention);
    visit_block(layer.recurrent, consider);
    visit_block(layer.feed_forward, consider);
  }
  return 3 * model.width() + widest;
}

}  // namespace headcount::v0::evaluate
