#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/measure/likelihood.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

/// A `task::ask` that computes how likely continuations are: prompt i of the task is `prompts[i]`, a question or more,
/// and `judge(i, likelihoods)` gives its answers, with metric, value and more. The likelihoods are those of all its
/// continuations in order. Prompts that follow each other may share their beginnings (prompt::shared). The names of the
/// prompts give their rows.
template <class Judge>
[[nodiscard]] auto judge_likelihoods(std::span<std::string const> names,
                                     std::vector<std::vector<loglikelihood_request>> prompts, phase continuations_are,
                                     Judge judge) {
  for (std::size_t i = 0; i < prompts.size(); ++i)
    for (auto& one : prompts[i]) one.prompt.sequence_id = hash_of(names[i]);
  return [prompts = std::move(prompts), continuations_are, judge = std::move(judge)](
             any_model const& model, std::span<std::size_t const> which, std::span<any_policy const> policies,
             work& done, answer_user const& use) {
    std::vector<loglikelihood_request> questions;
    for (auto const i : which) questions.insert(questions.end(), prompts[i].begin(), prompts[i].end());
    auto const all = likelihoods(model, questions, policies, done, continuations_are);
    for (std::size_t p = 0; p < policies.size(); ++p) {
      auto next = all[p].begin();
      for (auto const i : which) {
        std::vector<likelihood> mine;
        for (std::size_t q = 0; q < prompts[i].size(); ++q, ++next) mine.insert(mine.end(), next->begin(), next->end());
        for (answer& one : judge(i, std::span<likelihood const>{mine})) {
          one.policy = p;
          one.prompt = i;
          use(std::move(one));
        }
      }
    }
  };
}

/// A `task::ask` that completes prompts greedily: prompt i of the task is `prompts[i]`, and `judge(i, tokens)` gives
/// its answers, with metric, value and more, from the tokens of the completion. The names of the prompts give their
/// rows.
template <class Judge>
[[nodiscard]] auto judge_completions(std::span<std::string const> names, std::vector<generation_request> prompts,
                                     Judge judge) {
  for (std::size_t i = 0; i < prompts.size(); ++i) prompts[i].prompt.sequence_id = hash_of(names[i]);
  return [prompts = std::move(prompts), judge = std::move(judge)](
             any_model const& model, std::span<std::size_t const> which, std::span<any_policy const> policies,
             work& done, answer_user const& use) {
    std::vector<generation_request> requests;
    for (auto const i : which) requests.push_back(prompts[i]);
    std::vector<std::vector<std::vector<token>>> said(policies.size(), std::vector<std::vector<token>>(which.size()));
    for_each_part(model, std::span<generation_request const>{requests},
                  [&](std::span<generation_request const> mine, std::size_t first) {
                    complete(model, mine, policies, done,
                             [&](std::size_t p, std::size_t i, std::vector<token>&& tokens) {
                               said[p][first + i] = std::move(tokens);
                             });
                  });
    for (std::size_t p = 0; p < policies.size(); ++p) {
      for (std::size_t i = 0; i < which.size(); ++i) {
        for (answer& one : judge(which[i], std::span<token const>{said[p][i]})) {
          one.policy = p;
          one.prompt = which[i];
          use(std::move(one));
        }
      }
    }
  };
}

}  // namespace headcount::v0::evaluate
