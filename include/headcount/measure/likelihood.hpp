#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// The likelihoods of every request's continuations: `[policy][request][continuation]`. Throws what the model throws,
/// and headcount::error for a continuation with a token that the model does not have.
/// Source: lm-evaluation-harness, `loglikelihood`.
[[nodiscard]] inline std::vector<std::vector<std::vector<likelihood>>> likelihoods(
    any_model const& model, std::span<loglikelihood_request const> requests, std::span<any_policy const> policies,
    work& done) {
  auto const known = [&](token next) { return next >= 0 && static_cast<std::size_t>(next) < model.vocabulary(); };
  for (auto const& one : requests)
    for (auto const& text : one.continuations)
      if (auto const unknown = std::ranges::find_if_not(text, known); unknown != text.end())
        throw error{"continuation", text_of("token ", *unknown, " is not in the vocabulary"),
                    text_of("0 to ", model.vocabulary() - 1)};
  std::vector<std::vector<likelihood>> none_yet;
  for (auto const& one : requests) {
    auto& of_request = none_yet.emplace_back(one.continuations.size());
    for (std::size_t c = 0; c < of_request.size(); ++c) of_request[c].choices.resize(one.continuations[c].size());
  }
  std::vector<std::vector<std::vector<likelihood>>> all(policies.size(), none_yet);
  for_each_part(model, requests, [&](std::span<loglikelihood_request const> mine, std::size_t first) {
    teacher_force(model, mine, policies, done, [&](forced_token at, std::span<float const> logits) {
      auto const next = mine[at.request].continuations[at.continuation][at.token];
      auto& sum = all[at.policy][first + at.request][at.continuation];
      sum.nats += log_probability(logits, next);
      sum.choices[at.token] = best_token(logits);
      sum.greedy = sum.greedy && sum.choices[at.token] == next;
    });
  });
  return all;
}

}  // namespace headcount::v0::evaluate
