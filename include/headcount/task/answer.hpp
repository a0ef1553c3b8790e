#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <headcount/core/token.hpp>

namespace headcount::v0::evaluate {

/// How likely a continuation is after its prompt.
struct likelihood {
  double nats = 0;               ///< ln of its probability: the sum over its tokens
  bool greedy = true;            ///< whether each token is the likeliest after those before it
  std::vector<token> choices{};  ///< the likeliest token in the place of each of its tokens, after the right ones
};

/// Whether a best one can be said of these: all of them are numbers, as they are not where logits were not finite.
[[nodiscard]] inline bool all_finite(std::span<likelihood const> found) noexcept {
  return std::ranges::all_of(found, [](likelihood const& one) { return std::isfinite(one.nats); });
}

/// 1 for a right choice and 0 for another; NaN, which no total counts, where no choice could be made.
[[nodiscard]] inline double rightness(std::span<likelihood const> found, std::size_t chosen,
                                      std::size_t gold) noexcept {
  if (!all_finite(found)) return std::numeric_limits<double>::quiet_NaN();
  return chosen == gold ? 1.0 : 0.0;
}

/// How far a policy's next-token distribution is from the dense one.
struct token_agreement {
  double kl = 0;         ///< KL(dense || policy), nats; 0 when they are equal
  bool top1 = true;      ///< whether the likeliest token is the same
  std::size_t rank = 1;  ///< place of the dense model's likeliest token in the policy's order; of equals the first id
};

/// What a model made of a request under a policy.
struct answer {
  std::vector<token> tokens{};                ///< of a generation: the completion, the stop token included
  bool finite = true;                         ///< of a generation or comparison: whether its logits named tokens
  std::vector<likelihood> likelihoods{};      ///< of all continuations of all its requests, in order
  std::vector<token_agreement> agreements{};  ///< of a comparison: one a token
};

}  // namespace headcount::v0::evaluate
