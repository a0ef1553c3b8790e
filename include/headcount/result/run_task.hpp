#pragma once

#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/engine/model_under_test.hpp>
#include <headcount/measure/ask.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/result/row.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

/// The row that a prompt of a task has under a policy, but for its answer: its key says whether it is there already.
[[nodiscard]] inline row make_row(model_under_test const& asked, task const& asking, any_policy const& policy,
                                  std::size_t prompt, std::string metric) {
  auto const& of = asking.prompts[prompt];
  row made{.model = asked.name,
           .model_identity = asked.identity,
           .policy = print(policy),
           .policy_identity = policy_identity(policy),
           .task = asking.name,
           .setting = asking.setting,
           .task_identity = asking.identity,
           .metric = std::move(metric),
           .prompt = of.name,
           .seed = asking.seed};
  for (auto const& [name, value] : of.factors) made.factors[name] = value;
  return made;
}

/// Asks some prompts of a task under policies and hands out a row for each prompt, policy and metric. Throws what the
/// model throws.
inline void run_task(model_under_test const& asked, task const& asking, std::span<std::size_t const> which,
                     std::span<any_policy const> policies, work& done, std::function<void(row&&)> const& use) {
  ask(asked.model, asking, which, policies, done, [&](std::size_t p, std::size_t i, judgement&& one) {
    auto made = make_row(asked, asking, policies[p], i, std::move(one.metric));
    made.value = one.value;
    made.more = std::move(one.more);
    use(std::move(made));
  });
}

/// The same for all prompts.
inline void run_task(model_under_test const& asked, task const& asking, std::span<any_policy const> policies,
                     work& done, std::function<void(row&&)> const& use) {
  std::vector<std::size_t> all(asking.prompts.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  run_task(asked, asking, all, policies, done, use);
}

}  // namespace headcount::v0::evaluate
