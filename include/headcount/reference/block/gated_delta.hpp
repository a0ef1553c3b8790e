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
#include <headcount/reference/parallel.hpp>

namespace headcount::v0::reference {

/// A gated DeltaNet block, token by token. Value head j reads the query and key of head j / (value_heads / key_heads).
///
///     q, k, v = silu(convolution(query x, key x, value x))          q, k then of length 1, and q / sqrt(key_dim)
///     beta    = strongest_write sigmoid(write x)                    one a value head
///     g       = rate softplus(decay x + decay_bias)                 one a value head, or one a channel of its keys
///     S       = diag(e^g) S_{t-1};   S_t = S + k (beta (v - S^T k))^T;   o = S_t^T q
///     output  = output_projection(norm(o) silu(gate x))             the norm over each head, with one gain for all
///
/// Source: Yang et al. 2024, arXiv 2412.06464; a decay a channel as in Kimi Linear, arXiv 2510.26692; writes beyond 1
/// (negative eigenvalues) Grazzi et al. 2024, arXiv 2411.12537.
struct gated_delta_net {
  static constexpr std::string_view kind = "gated_delta";

  linear query{};                    ///< [key_heads * key_dim, width]
  linear key{};                      ///< the same
  linear value{};                    ///< [value_heads * value_dim, width]
  linear gate{};                     ///< the same
  linear write{};                    ///< [value_heads, width]
  linear decay{};                    ///< [value_heads, width] or [value_heads * key_dim, width]
  linear output{};                   ///< [width, value_heads * value_dim]
  causal_convolution convolution{};  ///< over query, key, value
  std::vector<float> rate{};         ///< [value_head], -exp(A_log)
  std::vector<float> decay_bias{};   ///< one a decay
  rms_norm norm{};                   ///< gain [value_dim]
  float strongest_write = 1;
  std::size_t key_heads = 1;
  std::size_t key_dim = 1;
  std::size_t value_dim = 1;

  [[nodiscard]] std::size_t value_heads() const noexcept { return rate.size(); }
  [[nodiscard]] std::size_t channels() const noexcept { return value_heads() * value_dim; }
  /// Decays of one value head: 1, or key_dim.
  [[nodiscard]] std::size_t decays() const noexcept { return decay_bias.size() / value_heads(); }
  [[nodiscard]] recurrence empty_state() const {
    return {aligned_floats((convolution.width - 1) * convolution.channels),
            aligned_floats(value_heads() * key_dim * value_dim)};
  }
};

/// Makes the queries and keys of packed tokens, `[token, q k v]`, as long as the recurrence wants them.
inline void normalise_queries_and_keys(gated_delta_net const& block, matrix& convolved) {
  auto const keys = block.key_heads * block.key_dim;
  auto const shorter = 1 / std::sqrt(static_cast<float>(block.key_dim));
  for (std::size_t token = 0; token < size(convolved.rows()); ++token)
    for (std::size_t at = 0; at < 2 * keys; at += block.key_dim) {
      auto one = as_array(row_of(convolved, token).subspan(at, block.key_dim));
      one *= (at < keys ? shorter : 1.0f) / std::sqrt(one.square().sum() + 1e-6f);
    }
}

/// Runs the recurrence over one sequence's tokens: the v of `convolved`, `[token, q k v]`, become o, in place. `writes`
/// is `[token, value_head]`, `decays` the factors e^g, `hidden` `[value_head, key_dim, value_dim]`. Heads are spread
/// over threads.
inline void scan_gated_delta(gated_delta_net const& block, segment const& rows, matrix& convolved, matrix const& writes,
                             matrix const& decays, std::span<float> hidden) {
  auto const key_dim = index(block.key_dim);
  auto const value_dim = index(block.value_dim);
  auto const keys = index(block.key_heads) * key_dim;
  auto const of_head = index(block.decays());
  for_each_index(block.value_heads(), [&](std::size_t head) {
    Eigen::Map<matrix> state{hidden.data() + head * block.key_dim * block.value_dim, key_dim, value_dim};
    auto const shared = index(head / (block.value_heads() / block.key_heads)) * key_dim;
    Eigen::RowVectorXf change(value_dim);
    for (std::size_t token = 0; token < rows.count; ++token) {
      auto const row = index(rows.begin + token);
      auto const q = convolved.row(row).segment(shared, key_dim);
      auto const k = convolved.row(row).segment(keys + shared, key_dim);
      auto v = convolved.row(row).segment(2 * keys + index(head) * value_dim, value_dim);
      if (of_head == 1) state *= decays(row, index(head));
      else state.array().colwise() *= decays.row(row).segment(index(head) * of_head, of_head).transpose().array();
      change.noalias() = k * state;
      change = writes(row, index(head)) * (v - change);
      state.noalias() += k.transpose() * change;
      v.noalias() = q * state;
    }
  });
}

/// x `[token, width]`, packed; `states` has one state a segment. Gives the block's output for the wanted tokens,
/// without what was ablated.
[[nodiscard]] inline matrix apply(gated_delta_net const& block, matrix const& x, std::span<segment const> segments,
                                  std::span<recurrence* const> states, wanted which,
                                  ablated_channels const& ablated = {}) {
  auto const keys = index(block.key_heads * block.key_dim);
  matrix convolved(x.rows(), index(block.convolution.channels));
  convolved << apply(block.query, x), apply(block.key, x), apply(block.value, x);
  for (std::size_t i = 0; i < segments.size(); ++i)
    apply(block.convolution, segments[i], convolved, states[i]->past_inputs, ablated.past_taps);
  apply(activation::silu, convolved);
  normalise_queries_and_keys(block, convolved);

  matrix const writes = block.strongest_write * apply(block.write, x).array().logistic();
  matrix decays = apply(block.decay, x);
  for (std::size_t token = 0; token < size(decays.rows()); ++token)
    for (std::size_t at = 0; at < block.decay_bias.size(); ++at) {
      auto& decay = row_of(decays, token)[at];
      decay = std::exp(block.rate[at / block.decays()] * softplus(decay + block.decay_bias[at]));
    }
  for (std::size_t i = 0; i < segments.size(); ++i)
    scan_gated_delta(block, segments[i], convolved, writes, decays, states[i]->hidden);

  matrix y = wanted_rows(convolved.rightCols(convolved.cols() - 2 * keys), segments, which);
  for (std::size_t token = 0; token < size(y.rows()); ++token)
    apply_to_parts(block.norm, row_of(y, token), block.value_dim);
  matrix gate = apply(block.gate, wanted_rows(x, segments, which));
  apply(activation::silu, gate);
  y.array() *= gate.array();
  clear_channels(ablated.outputs, y);
  return apply(block.output, y);
}

}  // namespace headcount::v0::reference
