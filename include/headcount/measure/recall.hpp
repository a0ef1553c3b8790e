#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/engine/any_model.hpp>
#include <headcount/measure/ask.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/recall_task.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

/// Which prompts of a task each policy answers right, by metric: `[policy][prompt]`, a value of 1 being right.
[[nodiscard]] inline std::map<std::string, std::vector<outcomes>, std::less<>> right_answers(
    any_model const& model, task const& asking, std::span<any_policy const> policies) {
  std::map<std::string, std::vector<outcomes>, std::less<>> right;
  work done;
  ask(model, asking, policies, done, [&](std::size_t p, std::size_t i, judgement&& one) {
    auto& of_metric = right[one.metric];
    of_metric.resize(policies.size(), outcomes(asking.prompts.size()));
    of_metric[p][i] = one.value == 1;
  });
  return right;
}

/// Which needles each policy finds, token for token, by greedy generation (see make_recall_task): `[policy][prompt]`.
[[nodiscard]] inline std::vector<outcomes> recall_needles(any_model const& model,
                                                          std::span<needle_prompt const> needles,
                                                          std::span<any_policy const> policies) {
  return right_answers(model, make_recall_task({}, needles), policies)["exact_match"];
}

}  // namespace headcount::v0::evaluate
