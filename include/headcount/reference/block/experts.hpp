#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <headcount/kernel/softmax.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/mlp.hpp>

namespace headcount::v0::reference {

/// What a router's logits become before experts are chosen.
enum class routing : unsigned char { softmax, sigmoid };

/// Mixture of experts: each token goes to the `chosen` experts with the highest routing weight, whose outputs are
/// summed by that weight. Of equal weights the lower expert index is chosen.
///
///     Jamba              softmax, as it is                                (Lieber et al. 2024, arXiv 2403.19887)
///     Qwen3-Next         softmax, renormalised over the chosen; a shared expert, by a gate of its own
///     Granite            softmax over the chosen alone, which is the same; a shared MLP
///     Nemotron-H         sigmoid; `correction` is added for the choice alone, which falls first on the `chosen_groups`
///                        of `groups` whose two best sum highest; renormalised, times `scale`; a shared MLP
///                        (DeepSeek-AI 2024, arXiv 2412.19437, section 2.1.2)
struct experts {
  linear router{};  ///< [expert, width]
  std::vector<mlp> members{};
  std::size_t chosen = 2;
  routing how = routing::softmax;
  bool renormalised = false;
  std::vector<float> correction{};  ///< [expert], or empty for none
  std::size_t groups = 1;
  std::size_t chosen_groups = 1;
  float scale = 1;
  std::optional<mlp> shared{};  ///< every token goes there, too
  linear shared_gate{};         ///< [1, width]: its sigmoid is the shared expert's weight, which is 1 without
};

/// The experts of one token, the best first. `merits` `[expert]` is used up.
[[nodiscard]] inline std::vector<std::size_t> choose_experts(experts const& block, std::span<float> merits) {
  constexpr auto never = -std::numeric_limits<float>::infinity();
  auto const best_of = [&](std::span<float const> some) {
    return static_cast<std::size_t>(std::ranges::max_element(some) - some.begin());  // the first of equals
  };
  if (block.groups > 1) {
    auto const members = merits.size() / block.groups;
    std::vector<float> two_best;
    for (std::size_t group = 0; group < block.groups; ++group) {
      std::vector<float> own(members);
      std::ranges::copy(merits.subspan(group * members, members), own.begin());
      std::ranges::sort(own, std::greater{});
      two_best.push_back(own[0] + (members > 1 ? own[1] : 0));
    }
    std::vector<bool> stays(block.groups);
    for (std::size_t i = 0; i < block.chosen_groups; ++i) {
      auto const best = best_of(two_best);
      stays[best] = true;
      two_best[best] = never;
    }
    for (std::size_t expert = 0; expert < merits.size(); ++expert)
      if (!stays[expert / members]) merits[expert] = never;
  }
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < block.chosen; ++i) {
    chosen.push_back(best_of(merits));
    merits[chosen.back()] = never;
  }
  return chosen;
}

/// What the routed experts alone make of x `[token, width]`. Tokens are gathered by expert, so each expert runs once.
[[nodiscard]] inline matrix apply_routed(experts const& block, matrix const& x) {
  matrix weights_of = apply(block.router, x);  // [token, expert]
  std::vector<std::vector<std::size_t>> tokens_of(block.members.size());
  for (std::size_t token = 0; token < size(x.rows()); ++token) {
    auto const weights = row_of(weights_of, token);
    if (block.how == routing::softmax) kernel::softmax(weights);
    else as_array(weights) = as_array(weights).logistic().eval();
    std::vector<float> merits(weights.begin(), weights.end());
    if (!block.correction.empty()) as_array(std::span{merits}) += as_array(std::span{block.correction});
    auto const chosen = choose_experts(block, merits);
    float sum = block.renormalised ? 1e-20f : 1;
    for (auto const expert : chosen) {
      tokens_of[expert].push_back(token);
      if (block.renormalised) sum += weights[expert];
    }
    if (block.renormalised || block.scale != 1) as_array(weights) *= block.scale / sum;
  }
  matrix y = matrix::Zero(x.rows(), x.cols());
  for (std::size_t expert = 0; expert < block.members.size(); ++expert) {
    auto const& tokens = tokens_of[expert];
    if (tokens.empty()) continue;
    matrix gathered(index(tokens.size()), x.cols());
    for (std::size_t i = 0; i < tokens.size(); ++i) gathered.row(index(i)) = x.row(index(tokens[i]));
    matrix const outputs = apply(block.members[expert], gathered);
    for (std::size_t i = 0; i < tokens.size(); ++i)
      y.row(index(tokens[i])) += weights_of(index(tokens[i]), index(expert)) * outputs.row(index(i));
  }
  return y;
}

/// x `[token, width]` gives the same shape: the routed experts and the shared one.
[[nodiscard]] inline matrix apply(experts const& block, matrix const& x) {
  matrix y = apply_routed(block, x);
  if (!block.shared) return y;
  matrix shared = apply(*block.shared, x);
  if (block.shared_gate) {
    matrix const gate = apply(block.shared_gate, x).array().logistic();
    shared.array().colwise() *= gate.col(0).array();
  }
  return y + shared;
}

}  // namespace headcount::v0::reference
