#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/decision_record.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/score/head_predictor.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::evaluate {

/// Inputs and targets of a regression, a row an example.
struct examples {
  Eigen::MatrixXd inputs;   ///< `[example, width]`
  Eigen::MatrixXd targets;  ///< `[example, output]`
};

/// Ridge regression in closed form: the affine map with the least
///
///     mean over examples of |W x + b - y|^2 + penalty * |W|^2,    W = Y' X (X' X + n penalty I)^-1,  b = mean(y - W x)
///
/// X and Y less their means. The offset b is not penalised. A penalty above 0 makes it unique, however few examples
/// there are. O(examples * width^2 + width^3). Source: Hoerl & Kennard 1970.
[[nodiscard]] inline score::affine_map fit_ridge(examples const& from, double penalty) {
  auto const count = static_cast<double>(from.inputs.rows());
  Eigen::RowVectorXd const mean_input = from.inputs.colwise().mean();
  Eigen::RowVectorXd const mean_target = from.targets.colwise().mean();
  Eigen::MatrixXd const inputs = from.inputs.rowwise() - mean_input;
  Eigen::MatrixXd moments = inputs.transpose() * inputs;
  moments.diagonal().array() += count * penalty;
  Eigen::MatrixXd const weight = moments.llt().solve(inputs.transpose() * (from.targets.rowwise() - mean_target));
  Eigen::RowVectorXd const bias = mean_target - mean_input * weight;
  score::affine_map map{.inputs = static_cast<std::size_t>(weight.rows())};
  for (Eigen::Index output = 0; output < weight.cols(); ++output) {
    for (Eigen::Index i = 0; i < weight.rows(); ++i) map.weight.push_back(static_cast<float>(weight(i, output)));
    map.bias.push_back(static_cast<float>(bias(output)));
  }
  return map;
}

/// How well the heads of one layer are foretold, on tokens that nothing was learned from: of the k heads that the
/// policy keeps at a token, the share among the best k of a guess, averaged over tokens at which it keeps some.
struct layer_recall {
  std::size_t layer = 0;
  std::size_t text = 0;  ///< which of the texts the tokens are of
  std::size_t tokens = 0;
  double predicted = 0;  ///< by the predictor
  double constant = 0;   ///< by the heads that were kept most often in training: what a static choice achieves
  double random = 0;     ///< by chance, k / heads
};

/// A predictor and what it is worth.
struct trained_predictor {
  score::head_predictor predictor;
  std::vector<layer_recall> recall;  ///< one a layer and text that nothing was learned from, if it keeps some there
};

/// Share of the kept heads among as many of the highest scores.
[[nodiscard]] inline double recall_at_kept(head_set const& kept, std::span<double const> scores) noexcept {
  auto const best = select::best_heads(scores, kept.size());
  return static_cast<double>(std::ranges::count_if(kept, [&](auto head) { return best.contains(head); })) /
         static_cast<double>(kept.size());
}

/// How many of some texts, the last ones, are not learned from: a quarter, at least one.
[[nodiscard]] constexpr std::size_t held_out(std::size_t texts) noexcept { return std::max<std::size_t>(1, texts / 4); }

/// Learns one layer from what was decided there in texts before `split`, and tests on the others.
[[nodiscard]] inline std::pair<score::affine_map, std::vector<layer_recall>> train_layer(
    std::span<std::vector<layer_decisions> const> texts, std::size_t split, std::size_t layer, std::size_t heads,
    double penalty) {
  std::size_t count = 0;
  for (auto const& text : texts.first(split)) count += text[layer].kept.size();
  auto const width = texts[0][layer].width;
  examples learned{{reference::index(count), reference::index(width)},
                   {reference::index(count), reference::index(heads)}};
  Eigen::Index row = 0;
  for (auto const& text : texts.first(split))
    for (std::size_t token = 0; token < text[layer].kept.size(); ++token, ++row) {
      auto const input = text[layer].input(token);
      learned.inputs.row(row) =
          Eigen::Map<Eigen::RowVectorXf const>{input.data(), reference::index(width)}.cast<double>();
      for (std::size_t head = 0; head < heads; ++head)
        learned.targets(row, reference::index(head)) = text[layer].kept[token].contains(head) ? 1 : 0;
    }
  std::vector<double> often(heads), scores(heads);
  Eigen::VectorXd::Map(often.data(), reference::index(heads)) = learned.targets.colwise().mean().transpose();

  auto map = fit_ridge(learned, penalty);
  std::vector<layer_recall> all;
  for (std::size_t i = split; i < texts.size(); ++i) {
    auto const& text = texts[i];
    layer_recall recall{.layer = layer, .text = i};
    for (std::size_t token = 0; token < text[layer].kept.size(); ++token) {
      auto const& kept = text[layer].kept[token];
      if (kept.empty()) continue;
      for (std::size_t head = 0; head < heads; ++head) scores[head] = map(text[layer].input(token), head);
      recall.predicted += recall_at_kept(kept, scores);
      recall.constant += recall_at_kept(kept, often);
      recall.random += static_cast<double>(kept.size()) / static_cast<double>(heads);
      ++recall.tokens;
    }
    if (recall.tokens == 0) continue;
    for (auto* const sum : {&recall.predicted, &recall.constant, &recall.random})
      *sum /= static_cast<double>(recall.tokens);
    all.push_back(recall);
  }
  return {std::move(map), std::move(all)};
}

/// Learns to foretell what a policy keeps from the attention block's input, so that heads can be dropped before they
/// are computed: for every layer in the policy's scope a ridge regression (fit_ridge) on 1 for a head that is kept and
/// 0 for one that is not, from the tokens of the first texts' answers. The last quarter of the texts is for the recall.
///
/// The model runs under the policy itself, as record_decisions says. O(tokens * width^2 + width^3) a layer. Throws
/// headcount::error when there are fewer than two texts, or when the policy decides nothing while an answer is read.
/// Source: Liu et al. 2023, arXiv 2310.17157 (Deja Vu), whose predictors have two maps, fed one layer earlier, and are
/// trained by gradient descent.
[[nodiscard]] inline trained_predictor train_predictor(any_model const& model, std::span<calibration_text const> texts,
                                                       any_policy const& policy, double penalty = 0.01) {
  if (texts.size() < 2)
    throw error{"training texts", text_of("there is ", texts.size(), ", and a quarter must be left to test on"),
                "two or more"};
  auto const layers = model.layers();
  validate(policy, layers);
  auto const seen = record_decisions(model, texts, policy);
  trained_predictor trained;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    if (seen[0][layer].kept.empty()) continue;
    auto const heads = layers[layer].heads;
    auto [map, recall] = train_layer(seen, texts.size() - held_out(texts.size()), layer, heads, penalty);
    trained.predictor.layers.push_back({.layer = layer, .maps = {std::move(map)}});
    trained.recall.insert(trained.recall.end(), recall.begin(), recall.end());
  }
  if (trained.predictor.layers.empty())
    throw error{print(policy), "it decides nothing while an answer is read",
                "a policy in whose scope generation and a layer with attention are"};
  return trained;
}

}  // namespace headcount::v0::evaluate
