#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/evaluate/model/any_model.hpp>
#include <headcount/evaluate/run/follow.hpp>
#include <headcount/evaluate/run/logits.hpp>
#include <headcount/evaluate/run/prompt.hpp>
#include <headcount/evaluate/run/work.hpp>
#include <headcount/evaluate/statistics/paired.hpp>
#include <headcount/evaluate/task/facts.hpp>
#include <headcount/evaluate/task/needle.hpp>
#include <headcount/policy/any_policy.hpp>

namespace headcount::inline v0::evaluate {

/// Which needles each policy finds, token for token, by greedy generation: `[policy][prompt]`. Instead of generating,
/// the right answer is read in one generation pass, and every token must be the greedy choice after those before it:
/// the same outcome, since generation goes astray exactly where a choice differs.
[[nodiscard]] inline std::vector<outcomes> recall_needles(any_model const& model,
                                                          std::span<needle_prompt const> prompts,
                                                          std::span<any_policy const> policies) {
  std::vector<question> questions;
  for (auto const& one : prompts)
    questions.push_back({.prompt = {.tokens = one.prompt(), .shared = one.context.size(), .row = questions.size()},
                         .continuations = {one.answer}});
  // Several threads write: a byte each, unlike the bits of outcomes.
  std::vector<std::vector<char>> found(policies.size(), std::vector<char>(prompts.size(), true));
  work done;
  for_each_part(model, std::span<question const>{questions}, [&](std::span<question const> mine, std::size_t first) {
    follow(model, mine, phase::generation, policies, done, [&](followed_token at, std::span<float const> logits) {
      auto const right = mine[at.question].continuations.front()[at.token];
      if (best_token(logits) != right) found[at.policy][first + at.question] = false;
    });
  });
  std::vector<outcomes> result;
  for (auto const& one : found) result.emplace_back(one.begin(), one.end());
  return result;
}

/// Which facts each policy knows: of the choices, the right one is the likeliest next token, the first of equals
/// winning. The prompt is one prefill pass. `[policy][prompt]`.
[[nodiscard]] inline std::vector<outcomes> recall_facts(any_model const& model, std::span<fact_prompt const> prompts,
                                                        std::span<any_policy const> policies) {
  std::vector<question> questions;
  for (auto const& one : prompts)
    questions.push_back(
        {.prompt = {.tokens = one.prompt, .row = questions.size()}, .continuations = {{one.choices.front()}}});
  std::vector<std::vector<char>> known(policies.size(), std::vector<char>(prompts.size()));
  work done;
  for_each_part(model, std::span<question const>{questions}, [&](std::span<question const> mine, std::size_t first) {
    follow(model, mine, phase::prefill, policies, done, [&](followed_token at, std::span<float const> logits) {
      auto const& asked = prompts[first + at.question];
      auto const of = [&](token choice) { return logits[static_cast<std::size_t>(choice)]; };
      auto const best = std::ranges::max_element(asked.choices, {}, of) - asked.choices.begin();
      known[at.policy][first + at.question] = static_cast<std::size_t>(best) == asked.gold;
    });
  });
  std::vector<outcomes> result;
  for (auto const& one : known) result.emplace_back(one.begin(), one.end());
  return result;
}

}  // namespace headcount::inline v0::evaluate
