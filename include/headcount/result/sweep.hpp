#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/result/missing.hpp>
#include <headcount/result/sweep_plan.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

/// Gives tasks of one label that are not the same, as those of two data files of one name, labels of their own.
inline void tell_apart(std::vector<task>& tasks) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> identities;
  for (auto const& one : tasks) identities[{one.name, one.setting}].insert(one.identity);
  for (auto& one : tasks)
    if (identities[{one.name, one.setting}].size() > 1)
      add_to_list(one.setting, text_of("identity=", one.identity.substr(0, 8)));
}

/// Makes the tasks of a name for a model, as make_tasks does.
using task_maker = std::vector<task>(model_under_test const&, std::string_view name, task_options);

/// Makes the tasks of a plan for a model: each with each seed, or with its own; tasks that draw nothing come once.
[[nodiscard]] inline std::vector<task> make_tasks_of(sweep_plan const& plan, model_under_test const& asked,
                                                     task_maker& make) {
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
      for (auto& one : make(asked, name, std::move(offered)))
        if (known.insert(reference::json_text(nlohmann::json{one.name, one.identity, one.seed, names_of(one)})).second)
          tasks.push_back(std::move(one));
    }
  tell_apart(tasks);
  return tasks;
}

}  // namespace headcount::v0::evaluate
