#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/sentence/parse.hpp>

namespace headcount::v0::evaluate {

/// What a sweep does: every task with every seed, on every model, under every policy. No two of a list are alike.
struct sweep_plan {
  std::vector<std::string> models{};    ///< folders
  std::vector<any_policy> policies{};   ///< with the files that they name
  std::vector<nlohmann::json> tasks{};  ///< {"task": NAME, option: value, ...}
  std::vector<std::uint64_t> seeds{};   ///< none: each task's own
  std::size_t duplicates = 0;           ///< entries that were there already, e.g. a policy in another spelling
};

/// Reads a plan, {"models", "policies", "tasks", "seeds"}; without seeds tasks draw with their own. Throws
/// headcount::error that names the file, the key and what is allowed there.
[[nodiscard]] inline sweep_plan read_plan(std::filesystem::path const& path) {
  auto const json = reference::read_json(path);
  reference::config_reader const read{path.string(), json};
  for (auto const& [key, value] : json.items())
    if (key != "models" && key != "policies" && key != "tasks" && key != "seeds")
      throw error{path.string(), text_of("the key ", reference::in_quotes(key), " is not known"),
                  "models, policies, tasks, seeds"};
  sweep_plan plan;
  auto const add = [&]<class Value>(std::vector<Value>& list, Value value) {
    for (auto const& known : list)
      if (known == value) {
        ++plan.duplicates;
        return;
      }
    list.push_back(std::move(value));
  };
  for (auto const& model : read.texts("models", {}))
    add(plan.models, std::filesystem::path{model}.lexically_normal().string());
  for (auto const& sentence : read.texts("policies", {}))
    add(plan.policies, while_reading(text_of(path.string(), ", policies"),
                                     [&] { return parse_policy(sentence, reference::sentence_files{}); }));
  if (plan.models.empty()) read.fail("models", "a list of model folders");
  if (plan.policies.empty()) read.fail("policies", "a list of sentences");
  static constexpr auto tasks_form = "a list of {\"task\": NAME, ...}";
  if (!read.has("tasks") || !json["tasks"].is_array() || json["tasks"].empty()) read.fail("tasks", tasks_form);
  for (auto const& task : json["tasks"]) {
    if (!task.is_object() || !task.contains("task") || !task["task"].is_string()) read.fail("tasks", tasks_form);
    add(plan.tasks, task);
  }
  if (!read.has("seeds")) return plan;
  static constexpr auto seeds_form = "a list of whole numbers from 0";
  auto const& seeds = json["seeds"];
  if (!seeds.is_array() || seeds.empty()) read.fail("seeds", seeds_form);
  for (auto const& seed : seeds) {
    if (!seed.is_number_unsigned()) read.fail("seeds", seeds_form);
    add(plan.seeds, seed.get<std::uint64_t>());
  }
  return plan;
}

}  // namespace headcount::v0::evaluate
