#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/weight_circuit.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::evaluate {

// Scores of heads from weights alone that need to know where a token stands: by rotary positions, or by what recurrent
// blocks write of the token before. Biases are left out, and embeddings stand for what deep layers read.

/// What one head asks for and what it is asked: `[dim, width]` each, the gain of the norm before it folded in. Head h
/// of a GQA or MQA layer reads the keys of key/value head h / group.
struct query_key_circuit {
  circuit_matrix query;
  circuit_matrix key;
};

/// The query and key maps of a head, `layer` being one with attention. O(dim width).
[[nodiscard]] inline query_key_circuit query_key_of(reference::model const& model, std::size_t layer,
                                                    std::size_t head) {
  auto const& block = *model.attention_at(layer);
  auto const dim = reference::index(block.head_dim);
  auto const gain = input_gain(model, layer);
  auto const rows = [&](reference::linear const& map, std::size_t at) {
    return circuit_matrix{as_matrix(map.weight).middleRows(reference::index(at) * dim, dim) * gain.asDiagonal()};
  };
  return {rows(block.query, head), rows(block.key, head / block.group())};
}

/// Embeddings as a norm without gain leaves them, `[token, width]`, every `stride`-th.
[[nodiscard]] inline circuit_matrix normalised_embeddings(reference::model const& model, std::size_t stride = 1) {
  auto const all = as_matrix(model.embedding);
  circuit_matrix some((all.rows() + reference::index(stride) - 1) / reference::index(stride), all.cols());
  for (Eigen::Index row = 0; row < some.rows(); ++row) {
    auto const one = all.row(row * reference::index(stride));
    some.row(row) = one / std::max(std::sqrt(one.squaredNorm() / static_cast<double>(one.size())), 1e-30);
  }
  return some;
}

/// Rotates the rows of `queries`, `[row, dim]`, to a position, as reference::apply does with one head.
[[nodiscard]] inline circuit_matrix rotated(reference::rotary_embedding const& rope, circuit_matrix queries,
                                            std::size_t position) {
  auto const half = reference::index(rope.frequencies.size());
  for (Eigen::Index i = 0; i < half; ++i) {
    auto const angle = static_cast<double>(position) * static_cast<double>(rope.frequencies[reference::size(i)]);
    Eigen::VectorXd const a = queries.col(i);
    Eigen::VectorXd const b = queries.col(i + half);
    queries.col(i) = a * std::cos(angle) - b * std::sin(angle);
    queries.col(i + half) = b * std::cos(angle) + a * std::sin(angle);
  }
  return queries;
}

/// Keys that a query can see, for scores over offsets.
[[nodiscard]] inline std::size_t visible_offsets(reference::attention const& block) {
  return std::min<std::size_t>(block.window.value_or(2048), 2048);
}

/// The way of a token's own features through a recurrent block, with gates and recurrence taken as 1: rows of a map in,
/// the convolution's channels that they meet, and a map out.
struct recurrent_path {
  reference::linear const& in;
  std::size_t first_row = 0;
  reference::causal_convolution const& convolution;
  std::size_t first_channel = 0;
  reference::linear const& out;
};

[[nodiscard]] inline recurrent_path path_of(reference::rg_lru_block const& block) {
  return {block.input, 0, block.convolution, 0, block.output};
}
[[nodiscard]] inline recurrent_path path_of(reference::mamba_block const& block) {
  return {block.in_projection, 0, block.convolution, 0, block.out_projection};
}
[[nodiscard]] inline recurrent_path path_of(reference::mamba2_block const& block) {
  return {block.in_projection, block.channels(), block.convolution, 0, block.out_projection};
}
[[nodiscard]] inline recurrent_path path_of(reference::gated_delta_net const& block) {
  return {block.value, 0, block.convolution, 2 * block.key_heads * block.key_dim, block.output};
}
[[nodiscard]] inline recurrent_path path_of(reference::short_convolution const& block) {
  return {block.in_projection, 2 * block.channels(), block.convolution, 0, block.out_projection};
}

/// What a recurrent block writes of what it reads, `[width, width]`: its projections and the gain of the norm before
/// it, with gates and recurrence taken as 1. `tokens_ago` leaves only the convolution's path for the token so many
/// before; without it the convolution is 1, too. Empty for a layer without one.
[[nodiscard]] inline circuit_matrix recurrent_map(reference::layer const& layer,
                                                  std::optional<std::size_t> tokens_ago = std::nullopt) {
  circuit_matrix map;
  visit_block(layer.recurrent, [&](auto const& block) {
    auto const& [in, first_row, convolution, first_channel, out] = path_of(block);
    auto const channels = reference::index(block.channels());
    circuit_matrix read = as_matrix(in.weight).middleRows(reference::index(first_row), channels);
    if (tokens_ago) {
      if (*tokens_ago >= convolution.width) {
        map = circuit_matrix::Zero(reference::index(out.weight.rows()), read.cols());
        return;
      }
      auto const* const taps =
          convolution.taps.data() + (convolution.width - 1 - *tokens_ago) * convolution.channels + first_channel;
      read = Eigen::Map<Eigen::VectorXf const>{taps, channels}.cast<double>().asDiagonal() * read;
    }
    map = as_matrix(out.weight) * read * gain_of(layer.mixer_norm).asDiagonal();
  });
  return map;
}

/// The share of tokens, `[token, dim]`, whose query has fewer than n keys that it prefers to the token's own; in [0,
/// 1].
[[nodiscard]] inline double own_token_share(circuit_matrix const& queries, circuit_matrix const& keys, std::size_t n) {
  std::size_t own = 0;
  for (Eigen::Index token = 0; token < queries.rows(); ++token) {
    Eigen::VectorXd const logits = keys * queries.row(token).transpose();
    own += static_cast<std::size_t>((logits.array() > logits[token]).count()) < n ? 1u : 0u;
  }
  return static_cast<double>(own) / static_cast<double>(queries.rows());
}

/// Normalised embeddings of a vocabulary, or of every v-th token of a large one, so that there are at most 4096.
[[nodiscard]] inline circuit_matrix some_embeddings(reference::model const& model) {
  constexpr std::size_t most = 4096;
  return normalised_embeddings(model, (model.vocabulary() + most - 1) / most);
}

/// How much a head attends to the token before. With rotary positions, whatever stands there:
///
///     curve(d) = mean_t(q_t)^T R_d mean_t(k_t) / sqrt(dim)   of normalised embeddings, at a distance of d tokens
///     score    = softmax over the visible distances 0, 1, ... of curve, at d = 1; in [0, 1]
///
/// At most 2048 distances. Without them a head can know the token before only by the trace that recurrent blocks leave
/// of it where the query stands, and find it by what it is, the mirror of qk_induction:
///
///     q_t   = W_Q diag(g) P e_t, k_u = W_K diag(g) e_u, P as in qk_induction
///     score = |{t : fewer than n tokens u have a larger q_t^T k_u than u = t}| / tokens, in [0, 1]
///
/// 0 where no recurrent block comes before. Source: own; the previous-token head of Elhage et al. 2021, "A Mathematical
/// Framework for Transformer Circuits", from weights.
[[nodiscard]] inline head_table qk_previous_token(reference::model const& model, std::size_t n = 5) {
  auto table = every_head(layers_of(model), 0);
  Eigen::VectorXd const mean = normalised_embeddings(model).colwise().mean().transpose();
  auto const tokens = some_embeddings(model);
  circuit_matrix before = circuit_matrix::Zero(tokens.cols(), tokens.cols());
  for (std::size_t layer = 0; layer < table.size(); ++layer) {
    auto const* const block = model.attention_at(layer);
    auto const writes = recurrent_map(model.layers[layer], 1);
    if (writes.size() != 0) before += writes;
    if (block == nullptr) continue;
    for (std::size_t head = 0; head < table[layer].size(); ++head) {
      auto const circuit = query_key_of(model, layer, head);
      if (!block->rotary) {
        if (before.isZero(0)) continue;
        table[layer][head] =
            own_token_share(tokens * (circuit.query * before).transpose(), tokens * circuit.key.transpose(), n);
        continue;
      }
      circuit_matrix const query = (circuit.query * mean).transpose();
      Eigen::VectorXd const key = circuit.key * mean;
      Eigen::VectorXd curve(reference::index(visible_offsets(*block)));
      for (Eigen::Index distance = 0; distance < curve.size(); ++distance)
        curve[distance] = (rotated(*block->rotary, query, reference::size(distance)) * key)(0) /
                          std::sqrt(static_cast<double>(block->head_dim));
      Eigen::VectorXd const weights = (curve.array() - curve.maxCoeff()).exp();
      table[layer][head] = weights.size() > 1 ? weights[1] / weights.sum() : 0;
    }
  }
  return table;
}

/// Whether a head looks for places where the token before was the one that it stands on, as recurrent blocks before it
/// leave a trace of the token before in what they write.
///
///     k_u = W_K diag(g) P e_u,   P = sum over earlier recurrent blocks of W_out diag(tap of one token ago) W_in
///     diag(g) score = |{t : fewer than n tokens u have a larger q_t^T R k_u than u = t}| / tokens, in [0, 1]
///
/// R is the mean rotation over the distances that can be seen, the identity without rotary positions. Large
/// vocabularies are sampled: every v-th token, at most 4096. 0 where no recurrent block comes before.
/// Source: own; the induction head of Elhage et al. 2021 with a recurrent block for its previous-token head.
[[nodiscard]] inline head_table qk_induction(reference::model const& model, std::size_t n = 5) {
  auto table = every_head(layers_of(model), 0);
  auto const tokens = some_embeddings(model);
  circuit_matrix before = circuit_matrix::Zero(tokens.cols(), tokens.cols());
  for (std::size_t layer = 0; layer < table.size(); ++layer) {
    auto const* const block = model.attention_at(layer);
    auto const writes = recurrent_map(model.layers[layer], 1);
    if (writes.size() != 0) before += writes;
    if (block == nullptr) continue;
    if (before.isZero(0)) continue;
    for (std::size_t head = 0; head < table[layer].size(); ++head) {
      auto const circuit = query_key_of(model, layer, head);
      circuit_matrix query = tokens * circuit.query.transpose();
      if (block->rotary) {
        auto const offsets = visible_offsets(*block);
        // The mean of rotations is a linear map: rotate the unit vectors once instead of every query.
        circuit_matrix const unit = circuit_matrix::Identity(query.cols(), query.cols());
        circuit_matrix mean = circuit_matrix::Zero(query.cols(), query.cols());
        for (std::size_t distance = 1; distance < offsets; ++distance)
          mean += rotated(*block->rotary, unit, distance) / static_cast<double>(offsets - 1);
        query = query * mean;
      }
      table[layer][head] = own_token_share(query, tokens * (circuit.key * before).transpose(), n);
    }
  }
  return table;
}

/// How much a head's keys read of what recurrent blocks before it write.
///
///     score = mean over earlier recurrent blocks of |W_QK W_R|_F / (|W_QK|_F |W_R|_F), in [0, 1]
///     W_QK = (W_Q diag(g))^T W_K diag(g), W_R = W_out W_in diag(g), gates and recurrence taken as 1
///
/// 0 where none comes before. Source: K-composition of Elhage et al. 2021, with a recurrent block for the earlier head.
[[nodiscard]] inline head_table recurrent_composition(reference::model const& model) {
  auto table = every_head(layers_of(model), 0);
  std::vector<circuit_matrix> before;
  for (std::size_t layer = 0; layer < table.size(); ++layer) {
    if (auto writes = recurrent_map(model.layers[layer]); writes.size() != 0) before.push_back(std::move(writes));
    for (std::size_t head = 0; head < table[layer].size() && !before.empty(); ++head) {
      auto const circuit = query_key_of(model, layer, head);
      circuit_matrix const queries = circuit.query * circuit.query.transpose();
      // |Q^T X|^2 is the trace of (Q Q^T)(X X^T), which are small.
      auto const norm = [&](circuit_matrix const& x) {
        return std::sqrt(std::max(queries.cwiseProduct(x * x.transpose()).sum(), 0.0));
      };
      double sum = 0;
      for (auto const& writes : before) {
        auto const size = norm(circuit.key) * writes.norm();
        sum += size > 0 ? norm(circuit.key * writes) / size : 0;
      }
      table[layer][head] = sum / static_cast<double>(before.size());
    }
  }
  return table;
}

}  // namespace headcount::v0::evaluate
