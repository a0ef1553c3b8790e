#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/task/language/facts.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// The question that a needle's prompt asks, with edits of what attention sees meanwhile.
[[nodiscard]] inline loglikelihood_request question_of(needle_prompt const& asked, std::size_t row,
                                                       std::vector<any_edit> edits = {}) {
  return {.prompt = {.tokens = asked.prompt(),
                     .shared = asked.context.size(),
                     .sequence_id = row,
                     .edits = std::move(edits)},
          .continuations = {asked.answer},
          .read_as = phase::generation};
}

/// Which tokens of the right answer, a question's only continuation, are the greedy choice of each policy after the
/// right tokens before them: `[policy][question][token]`. The answer is read in one generation pass.
[[nodiscard]] inline std::vector<std::vector<std::vector<bool>>> recall_answers(
    any_model const& model, std::span<loglikelihood_request const> questions, std::span<any_policy const> policies) {
  std::vector<std::vector<bool>> none_yet;
  for (auto const& one : questions) none_yet.emplace_back(one.continuations.front().size());
  std::vector<std::vector<std::vector<bool>>> right(policies.size(), none_yet);
  work done;
  for_each_part(model, questions, [&](std::span<loglikelihood_request const> mine, std::size_t first) {
    teacher_force(model, mine, policies, done, [&](forced_token at, std::span<float const> logits) {
      auto const answer = mine[at.request].continuations.front()[at.token];
      right[at.policy][first + at.request][at.token] = best_token(logits) == answer;
    });
  });
  return right;
}

/// Which needles each policy finds, token for token, by greedy generation: `[policy][prompt]`. Instead of generating,
/// the right answer is read in one generation pass, and every token must be the greedy choice after those before it:
/// the same outcome, since generation goes astray exactly where a choice differs.
[[nodiscard]] inline std::vector<outcomes> recall_needles(any_model const& model,
                                                          std::span<needle_prompt const> prompts,
                                                          std::span<any_policy const> policies) {
  std::vector<loglikelihood_request> questions;
  for (auto const& one : prompts) questions.push_back(question_of(one, questions.size()));
  std::vector<outcomes> found;
  for (auto const& answers : recall_answers(model, questions, policies)) {
    auto& of_policy = found.emplace_back();
    for (auto const& right : answers) of_policy.push_back(std::ranges::all_of(right, std::identity{}));
  }
  return found;
}

/// Which facts each policy knows: of the choices, the right one is the likeliest next token, the first of equals
/// winning. The prompt is one prefill pass. `[policy][prompt]`.
[[nodiscard]] inline std::vector<outcomes> recall_facts(any_model const& model, std::span<fact_prompt const> prompts,
                                                        std::span<any_policy const> policies) {
  std::vector<loglikelihood_request> questions;
  for (auto const& one : prompts)
    questions.push_back(
        {.prompt = {.tokens = one.prompt, .sequence_id = questions.size()}, .continuations = {{one.choices.front()}}});
  std::vector<std::vector<char>> known(policies.size(), std::vector<char>(prompts.size()));
  work done;
  for_each_part(model, std::span<loglikelihood_request const>{questions},
                [&](std::span<loglikelihood_request const> mine, std::size_t first) {
                  teacher_force(model, mine, policies, done, [&](forced_token at, std::span<float const> logits) {
                    auto const& asked = prompts[first + at.request];
                    auto const of = [&](token choice) { return logits[static_cast<std::size_t>(choice)]; };
                    auto const best = std::ranges::max_element(asked.choices, {}, of) - asked.choices.begin();
                    known[at.policy][first + at.request] = static_cast<std::size_t>(best) == asked.gold;
                  });
                });
  std::vector<outcomes> result;
  for (auto const& one : known) result.emplace_back(one.begin(), one.end());
  return result;
}

}  // namespace headcount::v0::evaluate
