#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <headcount/core/token.hpp>

namespace headcount::v0::evaluate {

/// The token with the largest logit; of equal logits the lowest id.
[[nodiscard]] inline token best_token(std::span<float const> logits) noexcept {
  return static_cast<token>(std::ranges::max_element(logits) - logits.begin());
}

/// Whether logits name a best token: all of them are numbers, and the largest is finite. O(vocabulary).
[[nodiscard]] inline bool has_best_token(std::span<float const> logits) noexcept {
  return std::ranges::none_of(logits, [](float logit) { return std::isnan(logit); }) &&
         std::isfinite(std::ranges::max(logits));
}

/// ln of the sum of exp(logit): what is taken off a logit to make it the logarithm of a probability. O(vocabulary).
[[nodiscard]] inline double log_sum(std::span<float const> logits) noexcept {
  auto const largest = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (double const logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

/// ln of the probability of `next` under `logits`, in nats: log-softmax in float64.
[[nodiscard]] inline double log_probability(std::span<float const> logits, token next) noexcept {
  return static_cast<double>(logits[static_cast<std::size_t>(next)]) - log_sum(logits);
}

}  // namespace headcount::v0::evaluate
