#include "task_importance.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/task_measure.hpp>
#include <headcount/task/registry/task_kinds.hpp>

#include "model_under_test.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

/// The task that was named; its seed is the one chosen unless it says another.
task one_task(model_under_test const& asked, task_choice const& chosen) {
  nlohmann::json options = chosen.task.starts_with('{') ? reference::parse_json("--task", chosen.task)
                                                        : nlohmann::json{{"task", chosen.task}};
  if (!options.is_object() || !options.contains("task") || !options["task"].is_string())
    throw error{"--task", "it names no task", R"(a name, or {"task": NAME, option: value, ...})"};
  auto const name = options["task"].get<std::string>();
  options.erase("task");
  if (!options.contains("seed")) options["seed"] = chosen.seed;
  auto tasks = make_tasks(asked, name, task_options{text_of("task ", name), std::move(options)});
  if (tasks.size() != 1)
    throw error{text_of("--task ", name), text_of("it stands for ", tasks.size(), " tasks"), "one"};
  return std::move(tasks.front());
}

}  // namespace

task_ranking rank_by_task(reference::snapshot const& snapshot, std::string const& folder, std::string const& method,
                          task_choice const& chosen) {
  auto const asked = as_model_under_test(snapshot, folder);
  auto const asking = one_task(asked, chosen);
  task_measure const measure{asked.model, asking, chosen.metric};
  auto data = text_of("task ", asking.name, asking.setting.empty() ? "" : ", ", asking.setting, ", ",
                      asking.prompts.size(), " prompts, ", measure.metric().name);
  if (method == "leave_one_out") return {leave_one_out(snapshot.model, measure, chosen.during), std::move(data)};
  if (method == "all_but_one") return {all_but_one(snapshot.model, measure, chosen.during), std::move(data)};
  if (method == "greedy") return {greedy_selection(snapshot.model, measure, chosen.during), std::move(data)};
  throw error{"--method " + method, "no task ranks heads by it", "leave_one_out, all_but_one, greedy"};
}

}  // namespace tool
