#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/recurrent_map.hpp>
#include <headcount/ranking/weight_circuit.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/norm.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::evaluate {

// Scores of heads from weights alone that need to know where a token stands: by rotary positions, or by what recurrent
// blocks write of the token before. Biases are left out, and embeddings stand for what deep layers read.

/// Normalises every row of features, `[row, dim]`, as a block does with the heads' queries and keys.
inline void normalise_rows(reference::rms_norm const& norm, circuit_matrix& features) {
  auto const gain = gain_of(norm);
  for (Eigen::Index row = 0; row < features.rows(); ++row)
    for (Eigen::Index at = 0; at < features.cols(); at += gain.size()) {
      auto one = features.row(row).segment(at, gain.size());
      one *= 1 / std::sqrt(one.squaredNorm() / static_cast<double>(gain.size()) + static_cast<double>(norm.epsilon));
      one.array() *= gain.transpose().array();
    }
}

/// Queries or keys of a layer, made of what the norm before it leaves without its gain.
struct feature_circuit {
  circuit_matrix map;                         ///< [heads * dim, width], the gain of the norm before it folded in
  reference::rms_norm const* norm = nullptr;  ///< of what the map gives; null for none
  Eigen::Index dim = 1;

  /// What one head makes of inputs `[row, width]`: `[row, dim]`, normalised where the model does.
  [[nodiscard]] circuit_matrix features(circuit_matrix const& inputs, std::size_t head) const {
    auto const first = reference::index(head) * dim;
    bool const whole = norm != nullptr && reference::index(norm->gain.size()) != dim;  // over all heads at once
    circuit_matrix made = inputs * (whole ? map : map.middleRows(first, dim)).transpose();
    if (norm != nullptr) normalise_rows(*norm, made);
    return whole ? made.middleCols(first, dim) : made;
  }

  /// One head's map, `[dim, width]`, the gain of the norm behind it folded in: all but the length that it divides by.
  [[nodiscard]] circuit_matrix of_head(std::size_t head) const {
    auto const first = reference::index(head) * dim;
    circuit_matrix made = map.middleRows(first, dim);
    if (norm != nullptr) {
      auto const gain = gain_of(*norm);
      made = (gain.size() == dim ? gain : gain.segment(first, dim)).asDiagonal() * made;
    }
    return made;
  }

  /// The mean features of a head over tokens: all of them, or some_embeddings where each has a length of its own.
  [[nodiscard]] Eigen::VectorXd mean(Eigen::VectorXd const& mean_token, circuit_matrix const& tokens,
                                     std::size_t head) const {
    if (norm == nullptr) return of_head(head) * mean_token;
    return features(tokens, head).colwise().mean().transpose();
  }
};

/// What the heads of a layer with attention ask for, and what they are asked. Head h of a GQA or MQA layer reads the
/// keys of key/value head h / group.
struct query_key_circuit {
  feature_circuit query;
  feature_circuit key;
};

/// The query and key maps of a layer. Throws headcount::error as input_gain does.
[[nodiscard]] inline query_key_circuit query_key_of(reference::model const& model, std::size_t layer) {
  auto const& block = *model.attention_at(layer);
  auto const gain = input_gain(model, layer);
  auto const circuit = [&](reference::linear const& map, std::optional<reference::rms_norm> const& norm) {
    return feature_circuit{as_matrix(map) * gain.asDiagonal(), norm ? &*norm : nullptr,
                           reference::index(block.head_dim)};
  };
  return {circuit(block.query, block.query_norm), circuit(block.key, block.key_norm)};
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

/// Calls `use(layer, attention, before)` for every layer with attention; `before` is the sum of what the recurrent
/// blocks of earlier layers write of the token before, `[width, width]`, 0 where there is none.
template <class Use>
void for_each_attention(reference::model const& model, Use const& use) {
  auto const width = reference::index(model.width());
  circuit_matrix before = circuit_matrix::Zero(width, width);
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
    if (auto const* const block = model.attention_at(layer)) use(layer, *block, before);
    if (auto const writes = recurrent_map(model.layers[layer], 1); writes.size() != 0) before += writes;
  }
}

/// How much a head attends to the token before. With rotary positions, whatever stands there:
///
///     curve(d) = scale mean_t(q_t)^T R_d mean_t(k_t)         of normalised embeddings, at a distance of d tokens
///     score    = softmax over the visible distances 0, 1, ... of curve, at d = 1; in [0, 1]
///
/// At most 2048 distances; q_t and k_t are normalised where the model does, then over at most 4096 tokens. Without
/// positions a head can know the token before only by the trace that recurrent blocks leave of it where the query
/// stands, and find it by what it is, the mirror of qk_induction:
///
///     q_t   = W_Q diag(g) P e_t, k_u = W_K diag(g) e_u, P as in qk_induction
///     score = |{t : fewer than n tokens u have a larger q_t^T k_u than u = t}| / tokens, in [0, 1]
///
/// 0 where no recurrent block comes before. Output gates have no part in it. Source: own; the previous-token head of
/// Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", from weights.
[[nodiscard]] inline head_table qk_previous_token(reference::model const& model, std::size_t n = 5) {
  auto table = every_head(layers_of(model), 0);
  Eigen::VectorXd const mean = normalised_embeddings(model).colwise().mean().transpose();
  auto const tokens = some_embeddings(model);
  for_each_attention(model, [&](std::size_t layer, reference::attention const& block, circuit_matrix const& before) {
    auto const [queries, keys] = query_key_of(model, layer);
    for (std::size_t head = 0; head < table[layer].size(); ++head) {
      auto const shared = head / block.group();
      if (!block.rotary) {
        if (before.isZero(0)) continue;
        table[layer][head] =
            own_token_share(queries.features(tokens * before.transpose(), head), keys.features(tokens, shared), n);
        continue;
      }
      circuit_matrix const query = queries.mean(mean, tokens, head).transpose();
      Eigen::VectorXd const key = keys.mean(mean, tokens, shared);
      Eigen::VectorXd curve(reference::index(visible_offsets(block)));
      auto const scale =
          block.scale ? static_cast<double>(*block.scale) : 1 / std::sqrt(static_cast<double>(block.head_dim));
      for (Eigen::Index distance = 0; distance < curve.size(); ++distance)
        curve[distance] = scale * (rotated(*block.rotary, query, reference::size(distance)) * key)(0);
      Eigen::VectorXd const weights = (curve.array() - curve.maxCoeff()).exp();
      table[layer][head] = weights.size() > 1 ? weights[1] / weights.sum() : 0;
    }
  });
  return table;
}

/// Whether a head looks for places where the token before was the one that it stands on, as recurrent blocks before it
/// leave a trace of the token before in what they write.
///
///     k_u = W_K diag(g) P e_u,   P = sum over earlier recurrent blocks of W_out diag(tap of one token ago) W_in
///     diag(g) score = |{t : fewer than n tokens u have a larger q_t^T R k_u than u = t}| / tokens, in [0, 1]
///
/// R is the mean rotation over the distances that can be seen, the identity without rotary positions; q_t and k_u are
/// normalised where the model does. Large vocabularies are sampled: every v-th token, at most 4096. 0 where no
/// recurrent block comes before; one beside the head in its layer does not. Source: own; the induction head of Elhage
/// et al. 2021 with a recurrent block for its previous-token head.
[[nodiscard]] inline head_table qk_induction(reference::model const& model, std::size_t n = 5) {
  auto table = every_head(layers_of(model), 0);
  auto const tokens = some_embeddings(model);
  for_each_attention(model, [&](std::size_t layer, reference::attention const& block, circuit_matrix const& before) {
    auto const [queries, keys] = query_key_of(model, layer);
    circuit_matrix const traces = tokens * before.transpose();
    for (std::size_t head = 0; head < table[layer].size() && !before.isZero(0); ++head) {
      auto query = queries.features(tokens, head);
      if (block.rotary) {
        auto const offsets = visible_offsets(block);
        // The mean of rotations is a linear map: rotate the unit vectors once instead of every query.
        circuit_matrix const unit = circuit_matrix::Identity(query.cols(), query.cols());
        circuit_matrix mean = circuit_matrix::Zero(query.cols(), query.cols());
        for (std::size_t distance = 1; distance < offsets; ++distance)
          mean += rotated(*block.rotary, unit, distance) / static_cast<double>(offsets - 1);
        query = query * mean;
      }
      table[layer][head] = own_token_share(query, keys.features(traces, head / block.group()), n);
    }
  });
  return table;
}

/// How much a head's keys read of what recurrent blocks before it write.
///
///     score = mean over earlier recurrent blocks of |W_QK W_R|_F / (|W_QK|_F |W_R|_F), in [0, 1]
///     W_QK = (W_Q diag(g))^T W_K diag(g), W_R = W_out W_in diag(g), gates and recurrence taken as 1
///
/// Gains of norms are folded in, those of queries and keys, too; the lengths that norms divide by are left out. 0 where
/// no recurrent block comes before. Source: K-composition of Elhage et al. 2021, with a recurrent block for the earlier
/// head.
[[nodiscard]] inline head_table recurrent_composition(reference::model const& model) {
  auto table = every_head(layers_of(model), 0);
  std::vector<circuit_matrix> before;
  for (std::size_t layer = 0; layer < table.size(); ++layer) {
    if (auto const* const block = model.attention_at(layer); block != nullptr) {
      auto const [query, key] = query_key_of(model, layer);
      for (std::size_t head = 0; head < table[layer].size() && !before.empty(); ++head) {
        auto const asks = query.of_head(head);
        auto const asked = key.of_head(head / block->group());
        circuit_matrix const queries = asks * asks.transpose();
        // |Q^T X|^2 is the trace of (Q Q^T)(X X^T), which are small.
        auto const norm = [&](circuit_matrix const& x) {
          return std::sqrt((std::max)(queries.cwiseProduct(x * x.transpose()).sum(), 0.0));
        };
        double sum = 0;
        for (auto const& writes : before) {
          auto const size = norm(asked) * writes.norm();
          sum += size > 0 ? norm(asked * writes) / size : 0;
        }
        table[layer][head] = sum / static_cast<double>(before.size());
      }
    }
    if (auto writes = recurrent_map(model.layers[layer]); writes.size() != 0) before.push_back(std::move(writes));
  }
  return table;
}

}  // namespace headcount::v0::evaluate
