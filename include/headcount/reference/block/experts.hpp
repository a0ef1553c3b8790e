#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/kernel/softmax.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/mlp.hpp>

namespace headcount::v0::reference {

/// Mixture of experts: each token goes to the `chosen` experts with the highest routing probability, whose outputs are
/// summed by that probability, not renormalised (Jamba). Of equal probabilities the lower expert index is chosen.
/// Source: Lieber et al. 2024, arXiv 2403.19887.
struct experts {
  linear router{};  ///< [expert, width]
  std::vector<gated_mlp> members{};
  std::size_t chosen = 2;
};

/// x `[token, width]` gives the same shape. Tokens are gathered by expert, so each expert runs once.
[[nodiscard]] inline matrix apply(experts const& block, matrix const& x) {
  matrix routing = apply(block.router, x);  // [token, expert]
  std::vector<std::vector<std::size_t>> tokens_of(block.members.size());
  for (std::size_t token = 0; token < size(x.rows()); ++token) {
    auto const probability = row_of(routing, token);
    kernel::softmax(probability);
    std::vector<float> left(probability.begin(), probability.end());
    for (std::size_t choice = 0; choice < block.chosen; ++choice) {
      auto const best = std::ranges::max_element(left);  // the first of equals
      tokens_of[static_cast<std::size_t>(best - left.begin())].push_back(token);
      *best = -1;
    }
  }
  matrix y = matrix::Zero(x.rows(), x.cols());
  for (std::size_t expert = 0; expert < block.members.size(); ++expert) {
    auto const& tokens = tokens_of[expert];
    if (tokens.empty()) continue;
    matrix gathered(index(tokens.size()), x.cols());
    for (std::size_t i = 0; i < tokens.size(); ++i) gathered.row(index(i)) = x.row(index(tokens[i]));
    matrix const outputs = apply(block.members[expert], gathered);
    for (std::size_t i = 0; i < tokens.size(); ++i)
      y.row(index(tokens[i])) += routing(index(tokens[i]), index(expert)) * outputs.row(index(i));
  }
  return y;
}

}  // namespace headcount::v0::reference
