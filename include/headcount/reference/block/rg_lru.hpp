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
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/reference/block/segment.hpp>

namespace headcount::v0::reference {

/// A gate of the RG-LRU: sigmoid of a block-diagonal linear map, one block a head.
struct block_diagonal_gate {
  std::vector<float> weight{};  ///< [head, in, out], in = out = width / heads
  std::vector<float> bias{};    ///< [width]
  std::size_t heads = 1;
};

/// x `[token, width]` gives the gate's values in (0, 1), the same shape.
[[nodiscard]] inline matrix apply(block_diagonal_gate const& gate, matrix const& x) {
  auto const block = size(x.cols()) / gate.heads;
  matrix y(x.rows(), x.cols());
  for (std::size_t head = 0; head < gate.heads; ++head) {
    Eigen::Map<matrix const> const weight{gate.weight.data() + head * block * block, index(block), index(block)};
    y.middleCols(index(head * block), index(block)).noalias() =
        x.middleCols(index(head * block), index(block)) * weight;
  }
  y.rowwise() += as_array(std::span{gate.bias}).matrix();
  y = y.array().logistic();
  return y;
}

/// The recurrent block of Griffin and RecurrentGemma: linear_out(gelu(linear_y x) * RG-LRU(conv(linear_x x))).
///
///     a_t = exp(-8 * recurrent_gate_t * softplus(decay))
///     h_t = a_t h_{t-1} + sqrt(1 - a_t^2) * input_gate_t * x_t        (at position 0: h_0 = input_gate_0 * x_0)
///
/// Source: De et al. 2024, arXiv 2402.19427, section 2.4; gates block-diagonal as in RecurrentGemma.
struct rg_lru_block {
  static constexpr std::string_view kind = "rg_lru";

  linear input{};   ///< linear_x: [lru_width, width]
  linear gate{};    ///< linear_y: [lru_width, width]
  linear output{};  ///< linear_out: [width, lru_width]
  causal_convolution convolution{};
  block_diagonal_gate input_gate{};
  block_diagonal_gate recurrent_gate{};
  std::vector<float> rate{};  ///< [lru_width], -8 * softplus(recurrent_param): ln a_t at a fully open gate

  [[nodiscard]] std::size_t channels() const noexcept { return rate.size(); }
  [[nodiscard]] recurrence empty_state() const {
    return {aligned_floats((convolution.width - 1) * convolution.channels), aligned_floats(rate.size())};
  }
};

/// Runs the recurrence over one sequence's tokens: `x`, the convolved inputs, become the hidden states, in place.
inline void scan_rg_lru(rg_lru_block const& block, segment const& rows, matrix& x, matrix const& input_gate,
                        matrix const& recurrent_gate, std::span<float> hidden) {
  auto const rate = as_array(std::span{block.rate});
  auto h = as_array(hidden);
  for (std::size_t token = 0; token < rows.count; ++token) {
    auto const row = index(rows.begin + token);
    auto input = x.row(row).array();
    input *= input_gate.row(row).array();
    if (rows.position + token == 0) {
      h = input;
    } else {
      row_array const log_decay = recurrent_gate.row(row).array() * rate;
      h = log_decay.exp() * h + (1.0f - (2.0f * log_decay).exp()).sqrt() * input;
    }
    input = h;
  }
}

/// x `[token, width]`, packed; `states` has one state a segment. Gives the block's output for the wanted tokens,
/// without what was ablated.
[[nodiscard]] inline matrix apply(rg_lru_block const& block, matrix const& x, std::span<segment const> segments,
                                  std::span<recurrence* const> states, wanted which,
                                  ablated_channels const& ablated = {}) {
  matrix hidden = apply(block.input, x);
  for (std::size_t i = 0; i < segments.size(); ++i)
    apply(block.convolution, segments[i], hidden, states[i]->past_inputs, ablated.past_taps);
  matrix const input_gate = apply(block.input_gate, hidden);
  matrix const recurrent_gate = apply(block.recurrent_gate, hidden);
  for (std::size_t i = 0; i < segments.size(); ++i)
    scan_rg_lru(block, segments[i], hidden, input_gate, recurrent_gate, states[i]->hidden);
  matrix gate = apply(block.gate, wanted_rows(x, segments, which));
  apply(activation::gelu_tanh, gate);
  gate.array() *= wanted_rows(hidden, segments, which).array();
  clear_channels(ablated.outputs, gate);
  return apply(block.output, gate);
}

}  // namespace headcount::v0::reference
