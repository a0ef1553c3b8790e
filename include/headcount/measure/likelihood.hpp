#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// How likely a continuation is after its prompt.
struct likelihood {
  double nats = 0;     ///< ln of its probability: the sum over its tokens
  bool greedy = true;  ///< whether each token is the likeliest after those before it
};

/// The likelihoods of every question's continuations: `[policy][question][continuation]`. Prompt and continuation count
/// as one prefill, unless continuations are read as generation. Throws what the model throws, and headcount::error for
/// a continuation with a token that the model does not have. Source: lm-evaluation-harness, `loglikelihood`.
[[nodiscard]] inline std::vector<std::vector<std::vector<likelihood>>> likelihoods(
    any_model const& model, std::span<loglikelihood_request const> questions, std::span<any_policy const> policies,
    work& done, phase continuations_are = phase::prefill) {
  auto const known = [&](token next) { return next >= 0 && static_cast<std::size_t>(next) < model.vocabulary(); };
  for (auto const& one : questions)
    for (auto const& text : one.continuations)
      if (auto const unknown = std::ranges::find_if_not(text, known); unknown != text.end())
        throw error{"continuation", text_of("token ", *unknown, " is not in the vocabulary"),
                    text_of("0 to ", model.vocabulary() - 1)};
  std::vector<std::vector<likelihood>> none_yet;
  for (auto const& one : questions) none_yet.emplace_back(one.continuations.size());
  std::vector<std::vector<std::vector<likelihood>>> all(policies.size(), none_yet);
  for_each_part(model, questions, [&](std::span<loglikelihood_request const> mine, std::size_t first) {
    teacher_force(model, mine, continuations_are, policies, done, [&](forced_token at, std::span<float const> logits) {
      auto const next = mine[at.request].continuations[at.continuation][at.token];
      auto& sum = all[at.policy][first + at.request][at.continuation];
      sum.nats += log_probability(logits, next);
      sum.greedy = sum.greedy && best_token(logits) == next;
    });
  });
  return all;
}

}  // namespace headcount::v0::evaluate
