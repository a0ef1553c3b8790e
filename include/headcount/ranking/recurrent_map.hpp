#pragma once

#include <cstddef>
#include <optional>

#include <Eigen/Core>

#include <headcount/ranking/weight_circuit.hpp>
#include <headcount/reference/block/convolution.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/mamba2.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/norm.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/block/short_convolution.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::evaluate {

/// The way of a token's own features through a recurrent block, with gates and recurrence taken as 1: rows of a map in,
/// the convolution's channels that they meet, the gain of a norm behind the recurrence, and a map out.
struct recurrent_path {
  reference::linear const& in;
  std::size_t first_row = 0;
  reference::causal_convolution const& convolution;
  std::size_t first_channel = 0;
  reference::linear const& out;
  reference::rms_norm const* norm = nullptr;  ///< its gain is repeated over the channels; null for none
  float scale = 1;
};

[[nodiscard]] inline recurrent_path path_of(reference::rg_lru_block const& block) {
  return {block.input, 0, block.convolution, 0, block.output};
}
[[nodiscard]] inline recurrent_path path_of(reference::mamba_block const& block) {
  return {block.in_projection, 0, block.convolution, 0, block.out_projection};
}
[[nodiscard]] inline recurrent_path path_of(reference::mamba2_block const& block) {
  return {block.in_projection,  block.channels(), block.convolution,   0,
          block.out_projection, &block.norm,      block.part_scales[1]};
}
[[nodiscard]] inline recurrent_path path_of(reference::gated_delta_net const& block) {
  return {block.value, 0, block.convolution, 2 * block.key_heads * block.key_dim, block.output, &block.norm};
}
[[nodiscard]] inline recurrent_path path_of(reference::short_convolution const& block) {
  return {block.in_projection, 2 * block.channels(), block.convolution, 0, block.out_projection};
}

/// What a recurrent block writes of what it reads, `[width, width]`: its projections and the gains of the norms before
/// and in it, with gates and recurrence taken as 1. `tokens_ago` leaves only the convolution's path for the token so
/// many before; without it the convolution is 1, too. Empty for a layer without one.
[[nodiscard]] inline circuit_matrix recurrent_map(reference::layer const& layer,
                                                  std::optional<std::size_t> tokens_ago = std::nullopt) {
  circuit_matrix map;
  auto const& before = layer.order == reference::layer_order::shared ? layer.recurrent_norm : layer.mixer_norm;
  visit_block(layer.recurrent, [&](auto const& block) {
    auto const& [in, first_row, convolution, first_channel, out, norm, scale] = path_of(block);
    auto const channels = reference::index(block.channels());
    circuit_matrix read = static_cast<double>(scale) * as_matrix(in).middleRows(reference::index(first_row), channels);
    if (norm != nullptr && !norm->gain.empty()) {
      auto const gain = gain_of(*norm);
      read = gain.replicate(channels / gain.size(), 1).asDiagonal() * read;
    }
    if (tokens_ago) {
      if (*tokens_ago >= convolution.width) {
        map = circuit_matrix::Zero(reference::index(out.weight.rows()), read.cols());
        return;
      }
      auto const* const taps =
          convolution.taps.data() + (convolution.width - 1 - *tokens_ago) * convolution.channels + first_channel;
      read = Eigen::Map<Eigen::VectorXf const>{taps, channels}.cast<double>().asDiagonal() * read;
    }
    map = as_matrix(out) * read * gain_of(before).asDiagonal();
  });
  return map;
}

}  // namespace headcount::v0::evaluate
