#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/measure/read_prompts.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/result/sweep_plan.hpp>
#include <headcount/task/registry/task_kinds.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

/// One prompt of a sweep and the policies that it has not been asked under: what is asked, and written down, at once.
struct sweep_piece {
  model_under_test const* asked = nullptr;
  task const* asking = nullptr;
  std::size_t prompt = 0;
  std::vector<any_policy> policies{};

  /// Tokens that it has the model read: prefill once for all policies that leave it as it is, and for each that does
  /// not.
  [[nodiscard]] std::size_t tokens() const {
    std::size_t readings = 0;
    bool is_dense = false;
    for (auto const& policy : policies) (leaves_prefill_dense(policy) ? is_dense = true : (++readings, false));
    return (readings + (is_dense ? 1 : 0)) * asking->prompts[prompt].tokens;
  }
  /// A name that it keeps, whatever plan it is part of.
  [[nodiscard]] std::string name() const {
    return nlohmann::json{asked->identity, asking->identity, asking->name, asking->seed, asking->prompts[prompt].name}
        .dump();
  }
};

/// Gives tasks of one label that are not the same, as those of two data files of one name, labels of their own.
inline void tell_apart(std::vector<task>& tasks) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> identities;
  for (auto const& one : tasks) identities[{one.name, one.setting}].insert(one.identity);
  for (auto& one : tasks)
    if (identities[{one.name, one.setting}].size() > 1)
      add_to_list(one.setting, text_of("identity=", one.identity.substr(0, 8)));
}

/// Makes the tasks of a plan for a model: each with each seed, or with its own; tasks that draw nothing come once.
[[nodiscard]] inline std::vector<task> make_tasks_of(sweep_plan const& plan, model_under_test const& asked) {
  std::vector<task> tasks;
  std::set<std::string> known;
  std::vector<std::optional<std::uint64_t>> seeds(plan.seeds.begin(), plan.seeds.end());
  if (seeds.empty()) seeds.emplace_back();
  for (auto const& options : plan.tasks)
    for (auto const seed : seeds) {
      auto own = options;
      auto const name = own["task"].get<std::string>();
      own.erase("task");
      task_options offered{text_of("task ", name), std::move(own)};
      if (seed) offered.offer_seed(*seed);
      for (auto& one : make_tasks(asked, name, std::move(offered)))
        if (known.insert(nlohmann::json{one.name, one.identity, one.seed, names_of(one)}.dump()).second)
          tasks.push_back(std::move(one));
    }
  tell_apart(tasks);
  return tasks;
}

/// What rows stand on when these are asked.
inline void add_to(ground& now, model_under_test const& asked, std::span<task const> tasks,
                   std::span<any_policy const> policies) {
  now.add_model(asked.name, asked.identity);
  for (auto const& policy : policies) now.add_policy(print(policy), policy_identity(policy));
  for (auto const& one : tasks) {
    row const some{.task = one.name, .setting = one.setting};
    now.add_task(asked.identity, ground::label_of_task(some), one.identity);
  }
}

/// The prompts of some tasks that lack rows under some policies. `has(key)` says whether a row with this key is there.
[[nodiscard]] inline std::vector<sweep_piece> missing_pieces(model_under_test const& asked, std::span<task const> tasks,
                                                             std::span<any_policy const> policies,
                                                             std::function<bool(std::string const&)> const& has) {
  std::vector<sweep_piece> pieces;
  for (auto const& asking : tasks)
    for (std::size_t i = 0; i < asking.prompts.size(); ++i) {
      sweep_piece piece{.asked = &asked, .asking = &asking, .prompt = i};
      for (auto const& policy : policies) {
        bool is_there = true;
        for (auto const& metric : asking.metrics)
          is_there = is_there && has(key_of(make_row(asked, asking, policy, i, std::string{metric.name})));
        if (!is_there) piece.policies.push_back(policy);
      }
      if (!piece.policies.empty()) pieces.push_back(std::move(piece));
    }
  return pieces;
}

/// The rows of a piece that are not there yet. Throws what the model throws.
[[nodiscard]] inline std::vector<row> run_piece(sweep_piece const& piece, work& done,
                                                std::function<bool(std::string const&)> const& has) {
  std::vector<row> rows;
  run_task(*piece.asked, *piece.asking, std::span{&piece.prompt, 1}, piece.policies, done, [&](row&& made) {
    if (!has(key_of(made))) rows.push_back(std::move(made));
  });
  return rows;
}

}  // namespace headcount::v0::evaluate
