#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// Compares two lists of logits, `[vocabulary]`. In float64; O(vocabulary).
[[nodiscard]] inline token_agreement compare_logits(std::span<float const> dense_logits,
                                                    std::span<float const> logits) noexcept {
  auto const dense_sum = log_sum(dense_logits);
  auto const sum = log_sum(logits);
  token_agreement found;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    auto const log_p = static_cast<double>(dense_logits[id]) - dense_sum;
    if (log_p == -std::numeric_limits<double>::infinity()) continue;  // 0 ln 0 is 0
    found.kl += std::exp(log_p) * (log_p - (static_cast<double>(logits[id]) - sum));
  }
  auto const best = static_cast<std::size_t>(best_token(dense_logits));
  for (std::size_t id = 0; id < logits.size(); ++id)
    if (logits[id] > logits[best] || (logits[id] == logits[best] && id < best)) ++found.rank;
  found.top1 = found.rank == 1;
  return found;
}

/// How policies' next-token distributions stray from the dense model's on one text: `[policy][token]`, the tokens that
/// the request skips left out. Logits are kept: vocabulary x tokens floats. Throws what the model throws.
[[nodiscard]] inline std::vector<std::vector<token_agreement>> compare_distributions(
    any_model const& model, comparison_request const& asked, std::span<any_policy const> policies, work& done) {
  std::span const one{&asked.text, 1};
  auto const positions = asked.text.continuations.front().size() - asked.skip;
  std::vector<std::vector<float>> expected(positions);
  any_policy const dense_policy{dense};
  teacher_force(model, one, std::span{&dense_policy, 1}, done, [&](forced_token at, std::span<float const> logits) {
    if (at.token >= asked.skip) expected[at.token - asked.skip].assign(logits.begin(), logits.end());
  });
  std::vector<std::vector<token_agreement>> found(policies.size(), std::vector<token_agreement>(positions));
  teacher_force(model, one, policies, done, [&](forced_token at, std::span<float const> logits) {
    if (at.token >= asked.skip)
      found[at.policy][at.token - asked.skip] = compare_logits(expected[at.token - asked.skip], logits);
  });
  return found;
}

}  // namespace headcount::v0::evaluate
