#pragma once

#include <cstddef>

#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/mamba2.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/block/short_convolution.hpp>

namespace headcount::v0::evaluate {

/// The numbers of a recurrent block's products, biases left out, and the FLOPs of its scan for one token.
struct recurrent_size {
  std::size_t parameters = 0;
  std::size_t scan = 0;
};

/// The numbers of linear maps.
template <class... Map>
[[nodiscard]] std::size_t numbers_of(Map const&... map) noexcept {
  return (map.weight.size() + ...);
}

/// Projections in and out, and two block-diagonal gates; the scan is h = a h + b x, and the gate of x.
[[nodiscard]] inline recurrent_size recurrent_size_of(reference::rg_lru_block const& block) noexcept {
  return {numbers_of(block.input, block.gate, block.output) + block.input_gate.weight.size() +
              block.recurrent_gate.weight.size(),
          4 * block.channels()};
}

/// Projections in and out, of dt, B and C, and of the step; the scan is exp(dt a) h + B x and its product with C.
[[nodiscard]] inline recurrent_size recurrent_size_of(reference::mamba_block const& block) noexcept {
  return {numbers_of(block.in_projection, block.x_projection, block.dt_projection, block.out_projection),
          6 * block.channels() * block.states()};
}

/// Projections in and out; the scan is a S + x B and its product with C.
[[nodiscard]] inline recurrent_size recurrent_size_of(reference::mamba2_block const& block) noexcept {
  return {numbers_of(block.in_projection, block.out_projection), 5 * block.channels() * block.states};
}

/// All projections; the scan decays a state, reads it by k, writes to it, and reads it by q.
[[nodiscard]] inline recurrent_size recurrent_size_of(reference::gated_delta_net const& block) noexcept {
  return {numbers_of(block.query, block.key, block.value, block.gate, block.write, block.decay, block.output),
          7 * block.channels() * block.key_dim};
}

/// Projections in and out; there is no scan.
[[nodiscard]] inline recurrent_size recurrent_size_of(reference::short_convolution const& block) noexcept {
  return {numbers_of(block.in_projection, block.out_projection), 0};
}

}  // namespace headcount::v0::evaluate
