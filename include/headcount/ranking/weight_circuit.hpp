#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::evaluate {

/// Weights as a matrix of float64, `[out, in]`.
using circuit_matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Stored weights, in any format, as float64, `[out, in]`.
[[nodiscard]] inline circuit_matrix as_matrix(reference::weights const& from) {
  auto const values = reference::widen_all(from);
  using stored = Eigen::Map<reference::matrix const>;
  return stored{values.data(), reference::index(from.rows()), reference::index(from.row_size())}.cast<double>();
}

/// A linear map as float64, `[out, in]`: its multiplier and its adapter folded in, its bias left out.
[[nodiscard]] inline circuit_matrix as_matrix(reference::linear const& from) {
  circuit_matrix map = as_matrix(from.weight);
  if (from.adapted) map += as_matrix(from.adapted->up) * as_matrix(from.adapted->down);
  return map * static_cast<double>(from.scale);
}

/// The gain of a norm, folded into what reads it.
[[nodiscard]] inline Eigen::VectorXd gain_of(reference::rms_norm const& norm) {
  return Eigen::Map<Eigen::VectorXf const>{norm.gain.data(), reference::index(norm.gain.size())}.cast<double>();
}

/// The gain of the norm before a layer's attention; 1 where the norm comes after it. Throws headcount::error where
/// attention reads more than the layer's input, so that its maps say nothing of embeddings alone.
[[nodiscard]] inline Eigen::VectorXd input_gain(reference::model const& model, std::size_t layer) {
  auto const& of = model.layers[layer];
  if (of.order == reference::layer_order::shared)
    throw error{text_of("layer ", layer), "its attention reads the embeddings beside the layer's input",
                "rankings from what a model does, e.g. from calibration"};
  if (of.order == reference::layer_order::after) return Eigen::VectorXd::Ones(reference::index(model.width()));
  return gain_of(of.mixer_norm);
}

/// Every `stride`-th embedding as a norm without gain leaves it, `[token, width]`.
[[nodiscard]] inline circuit_matrix normalised_embeddings(reference::model const& model, std::size_t stride = 1) {
  auto const all = as_matrix(model.embedding);
  circuit_matrix some((all.rows() + reference::index(stride) - 1) / reference::index(stride), all.cols());
  for (Eigen::Index row = 0; row < some.rows(); ++row) {
    auto const one = all.row(row * reference::index(stride));
    some.row(row) = one / (std::max)(std::sqrt(one.squaredNorm() / static_cast<double>(one.size())), 1e-30);
  }
  return some;
}

/// Normalised embeddings of a vocabulary, or of every v-th token of a large one, so that there are at most 4096.
[[nodiscard]] inline circuit_matrix some_embeddings(reference::model const& model) {
  constexpr std::size_t most = 4096;
  return normalised_embeddings(model, (model.vocabulary() + most - 1) / most);
}

/// The output projection of a layer's attention, `[width, heads * dim]`. Output gates are folded in at their mean over
/// tokens, sigmoid(W_G diag(g) e_t), at most 4096 of them: what a circuit does on average, as the gate is the query's
/// and what it lets through the key's.
[[nodiscard]] inline circuit_matrix gated_output(reference::model const& model, std::size_t layer) {
  auto const& block = *model.attention_at(layer);
  auto const output = as_matrix(block.output);
  if (!block.gate) return output;
  circuit_matrix const opens =
      some_embeddings(model) * (as_matrix(block.gate) * input_gain(model, layer).asDiagonal()).transpose();
  return output * opens.array().logistic().matrix().colwise().mean().asDiagonal();
}

/// What one head writes of what it reads: `value` `[dim, width]`, the gain of the norm before it folded in, and
/// `output`
/// `[width, dim]`, its mean gate folded in. Head h of a GQA or MQA layer reads the values of key/value head h / group.
struct head_circuit {
  circuit_matrix value;
  circuit_matrix output;
};

/// Calls `score(circuit)` for every head and gives the numbers as a table.
template <class Score>
[[nodiscard]] head_table for_each_circuit(reference::model const& model, Score const& score) {
  auto table = every_head(layers_of(model), 0);
  for (std::size_t layer = 0; layer < table.size(); ++layer) {
    auto const* block = model.attention_at(layer);
    if (block == nullptr) continue;
    circuit_matrix const values = as_matrix(block->value) * input_gain(model, layer).asDiagonal();
    auto const outputs = gated_output(model, layer);
    auto const dim = reference::index(block->head_dim);
    for (std::size_t head = 0; head < table[layer].size(); ++head)
      table[layer][head] = score(head_circuit{values.middleRows(reference::index(head / block->group()) * dim, dim),
                                              outputs.middleCols(reference::index(head) * dim, dim)});
  }
  return table;
}

/// How much a head's OV circuit copies: whether attending to a token raises that token's own logit, over all
/// directions.
///
///     score = sum_i Re(lambda_i) / sum_i |lambda_i|, in [-1, 1]
///     lambda = eigenvalues of W_U diag(g_final) W_O W_V diag(g) W_E
///
/// They are taken from the inner product in the other order, `[dim, dim]`, which has the same nonzero ones. From
/// weights alone; embeddings stand for what deep layers read. 0 for a circuit without any.
/// Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", section on copying heads.
[[nodiscard]] inline head_table ov_copying(reference::model const& model) {
  circuit_matrix const through_words = as_matrix(model.embedding).transpose() * as_matrix(model.head.weight) *
                                       gain_of(model.final_norm).asDiagonal();  // [width, width]
  return for_each_circuit(model, [&](head_circuit const& circuit) {
    Eigen::MatrixXd const inner = circuit.value * through_words * circuit.output;
    Eigen::VectorXcd const lambda = Eigen::EigenSolver<Eigen::MatrixXd>{inner, false}.eigenvalues();
    auto const size = lambda.cwiseAbs().sum();
    return size > 0 ? lambda.real().sum() / size : 0;
  });
}

/// The share of tokens whose own logit is among the `n` largest of what a head's OV circuit makes of their embedding.
///
///     score = |{t : fewer than n logits of W_U diag(g_final) W_O W_V diag(g) e_t exceed that of t}| / tokens
///
/// Large vocabularies are sampled: every v-th token, so that at most 4096 are asked. From weights alone.
/// Source: Elhage et al. 2021, as ov_copying; the top-n form of Gould et al. 2023, "Successor Heads", arXiv 2312.09230.
[[nodiscard]] inline head_table ov_own_token(reference::model const& model, std::size_t n = 5) {
  constexpr std::size_t most = 4096;
  auto const embeddings = as_matrix(model.embedding);
  circuit_matrix const words = as_matrix(model.head.weight) * gain_of(model.final_norm).asDiagonal();
  auto const stride = (model.vocabulary() + most - 1) / most;
  return for_each_circuit(model, [&](head_circuit const& circuit) {
    circuit_matrix const read = embeddings * circuit.value.transpose();  // [token, dim]
    circuit_matrix const said = words * circuit.output;                  // [token, dim]
    std::size_t own = 0;
    std::size_t asked = 0;
    for (std::size_t token = 0; token < model.vocabulary(); token += stride, ++asked) {
      Eigen::VectorXd const logits = said * read.row(reference::index(token)).transpose();
      auto const larger = (logits.array() > logits[reference::index(token)]).count();
      own += static_cast<std::size_t>(larger) < n ? 1 : 0;
    }
    return static_cast<double>(own) / static_cast<double>(asked);
  });
}

/// The size of a head's OV circuit: the Frobenius norm of W_O W_V diag(g). From weights alone; no source beyond the
/// usual magnitude pruning.
[[nodiscard]] inline head_table ov_norm(reference::model const& model) {
  return for_each_circuit(model, [](head_circuit const& circuit) { return (circuit.output * circuit.value).norm(); });
}

}  // namespace headcount::v0::evaluate
