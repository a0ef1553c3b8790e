// headcount evaluate: tasks under policies, a result row a prompt.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/json_number.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/missing.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/summary.hpp>
#include <headcount/result/sweep.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "model_under_test.hpp"
#include "sentences.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

struct evaluate_options {
  std::string model;
  std::vector<std::string> tasks;
  std::vector<std::string> policies;
  std::string data;
  std::optional<std::size_t> shots;
  std::optional<std::size_t> limit;
  std::optional<std::size_t> seed;
  std::vector<std::string> settings;
  std::string output;
  bool fresh = false;
  bool json = false;
};

/// The options of the tasks as one object.
task_options read_options(evaluate_options const& chosen, std::string const& task) {
  auto json = nlohmann::json::object();
  if (!chosen.data.empty()) json["data"] = chosen.data;
  if (chosen.shots) json["shots"] = *chosen.shots;
  if (chosen.limit) json["limit"] = *chosen.limit;
  if (chosen.seed) json["seed"] = *chosen.seed;
  for (auto const& one : chosen.settings) {
    auto const equals = one.find('=');
    if (equals == 0 || equals == one.npos) throw error{"--set", text_of("\"", one, "\" sets nothing"), "KEY=VALUE"};
    auto const key = one.substr(0, equals);
    auto const value = one.substr(equals + 1);
    if (json.contains(key)) throw error{"--set", text_of(key, " is set twice"), "one value"};
    json[key] = nlohmann::json::accept(value) ? reference::parse_json("--set " + key, value) : nlohmann::json(value);
  }
  return task_options{"task " + task, std::move(json)};
}

std::string counted(std::size_t count, char const* one, char const* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

void print_summary(std::vector<total> const& totals, work const& done) {
  for (auto const& one : totals) {
    auto const& found = one.found;
    fmt::print(
        "{}{}{}, {}: {} {:.4g} ({}), {}{}{}\n", one.task, one.setting.empty() ? "" : ", ", one.setting, one.policy,
        one.metric, found.value,
        found.ci95 ? fmt::format("95% interval {:.4g} to {:.4g}", found.ci95->low, found.ci95->high)
                   : std::string{"no interval"},
        counted(found.prompts, "prompt", "prompts"),
        found.clusters == found.prompts ? "" : fmt::format(" in {}", counted(found.clusters, "cluster", "clusters")),
        found.not_finite == 0 ? ""
                              : fmt::format(", {} not finite and left out", counted(found.not_finite, "row", "rows")));
  }
  fmt::print("{} tokens computed, {} one by one\n", done.computed.load(), done.tokens_without_sharing.load());
}

nlohmann::ordered_json to_json(std::vector<total> const& totals, work const& done) {
  nlohmann::ordered_json json{{"results", nlohmann::ordered_json::array()}};
  for (auto const& one : totals) {
    auto const& found = one.found;
    json["results"].push_back(
        {{"task", one.task},
         {"setting", one.setting},
         {"policy", one.policy},
         {"metric", one.metric},
         {"value", json_number(found.value)},
         {"ci95", found.ci95 ? nlohmann::ordered_json{json_number(found.ci95->low), json_number(found.ci95->high)}
                             : nlohmann::ordered_json{}},
         {"n", found.prompts},
         {"clusters", found.clusters},
         {"not_finite", found.not_finite}});
  }
  json["tokens_computed"] = done.computed.load();
  json["tokens_without_sharing"] = done.tokens_without_sharing.load();
  return json;
}

/// The file that rows go to; its rows must be of what is asked now, whatever else they are of.
std::unique_ptr<journal> open_output(evaluate_options const& chosen, ground const& now) {
  if (chosen.output.empty()) return nullptr;
  auto file = std::make_unique<journal>(chosen.output, chosen.fresh);
  now.require_unchanged(chosen.output, file->rows());
  return file;
}

void evaluate_policies(evaluate_options const& chosen) {
  std::vector<any_policy> policies;
  for (auto const& sentence : chosen.policies) {
    policies.push_back(read_policy(sentence));
    for (std::size_t i = 0; i + 1 < policies.size(); ++i)
      if (policies[i] == policies.back())
        throw error{"--policy", text_of("\"", print(policies.back()), "\" is there twice"), "policies that differ"};
  }
  auto const loaded = load_model(chosen.model);
  require_fit(policies, loaded);
  auto const asked = as_model_under_test(loaded, chosen.model);
  std::vector<task> tasks;
  for (auto const& name : chosen.tasks)
    for (auto& one : tool::make_tasks(asked, name, read_options(chosen, name))) {
      auto const is_same = [&](task const& other) { return other.name == one.name && other.identity == one.identity; };
      if (std::ranges::any_of(tasks, is_same))
        throw error{"--task", text_of(one.name, " is there twice"), "tasks that differ"};
      tasks.push_back(std::move(one));
    }

  tell_apart(tasks);
  ground now;
  add_to(now, asked, tasks, policies);
  auto const file = open_output(chosen, now);

  work done;
  std::vector<row> rows;
  for (auto const& one : tasks) {
    auto made = ask_missing(asked, one, policies, file.get(), done, [&](std::size_t missing) {
      fmt::print(stderr, "{}: {} of {} to ask under {} ...\n", one.name, missing,
                 counted(one.prompts.size(), "prompt", "prompts"), counted(policies.size(), "policy", "policies"));
    });
    rows.insert(rows.end(), std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
  }
  auto const totals = summarise(rows, metrics_of_task);
  if (chosen.json) fmt::print("{}\n", headcount::reference::json_text(to_json(totals, done), 2));
  else print_summary(totals, done);
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto* const command = app.add_subcommand("evaluate", "Ask tasks under policies, on the same prompts");
  auto const chosen = std::make_shared<evaluate_options>();
  command->add_option("--model", chosen->model, "model folder, or a GGUF file")->required();
  command->add_option("--task", chosen->tasks, "see below; may be given several times")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--policy", chosen->policies, "sentence; may be given several times: all share what they can")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--data", chosen->data, "file or folder that the task reads");
  command->add_option("--shots", chosen->shots, "worked examples before each question");
  command->add_option("--limit", chosen->limit, "ask the first N prompts alone");
  command->add_option("--seed", chosen->seed, "that prompts are drawn with");
  command->add_option("--set", chosen->settings, "another option of the task, KEY=VALUE")->allow_extra_args(false);
  command->add_option("--output", chosen->output, "result rows, JSON lines; those that are there are kept");
  command->add_flag("--fresh", chosen->fresh, "throw away the rows that are there");
  command->add_flag("--json", chosen->json, "print JSON");
  command->footer("Tasks, and options for --set at their defaults:\n" + describe_tasks() +
                  "\nExample:\n  headcount evaluate --model examples/models/tiny-jamba --task facts --policy dense "
                  "--policy none");
  command->callback([chosen] { evaluate_policies(*chosen); });
}

}  // namespace tool
