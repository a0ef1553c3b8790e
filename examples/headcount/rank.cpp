// headcount rank: a static ranking of a model's heads, as a file that fixed(...) reads in any sentence.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/policy_file/ranking_json.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/stability.hpp>
#include <headcount/ranking/task_measure.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
#include "model_under_test.hpp"
#include "rankings.hpp"
#include "tasks.hpp"

namespace tool {

namespace {

using namespace headcount;
using evaluate::calibration_text;
using evaluate::head_table;

struct rank_options {
  std::string method;
  calibration_choice calibration;
  std::string task;
  std::string metric;
  std::string phase = "generation";
  std::string format = "headcount";
  std::string output;
};

/// Scores of heads, what they were computed on, and how much they depend on it.
struct scored_heads {
  head_table scores{};
  std::string data{};
  std::string data_identity{};
  std::optional<ranking_stability> stability{};
};

/// The task that was named; its seed is the one chosen unless it says another.
evaluate::task one_task(evaluate::model_under_test const& asked, rank_options const& chosen) {
  nlohmann::json options = chosen.task.starts_with('{') ? reference::parse_json("--task", chosen.task)
                                                        : nlohmann::json{{"task", chosen.task}};
  if (!options.is_object() || !options.contains("task") || !options["task"].is_string())
    throw error{"--task", "it names no task", R"(a name, or {"task": NAME, option: value, ...})"};
  auto const name = options["task"].get<std::string>();
  options.erase("task");
  if (!options.contains("seed")) options["seed"] = chosen.calibration.seed;
  auto tasks = make_tasks(asked, name, evaluate::task_options{text_of("task ", name), std::move(options)});
  if (tasks.size() != 1)
    throw error{text_of("--task ", name), text_of("it stands for ", tasks.size(), " tasks"), "one"};
  return std::move(tasks.front());
}

/// Heads ranked by what a task says policies without them are worth.
scored_heads score_by_task(rank_options const& chosen, loaded_model const& loaded) {
  auto const [method, argument] = find_ranking(chosen.method);
  if (method->by_measure == nullptr) {
    std::string allowed;
    for (auto const& one : ranking_methods())
      if (one.by_measure != nullptr) add_to_list(allowed, one.form());
    throw error{"--method " + chosen.method, "no task ranks heads by it", allowed};
  }
  std::optional<phase> during;
  for (auto const when : {phase::prefill, phase::generation})
    if (chosen.phase == name_of(when)) during = when;
  auto const asked = as_model_under_test(loaded, chosen.calibration.model);
  auto const asking = one_task(asked, chosen);
  evaluate::task_measure const measure{asked.model, asking, chosen.metric};
  return {method->by_measure(asked.model, measure, during),
          text_of("task ", asking.name, asking.setting.empty() ? "" : ", ", asking.setting, ", ", asking.prompts.size(),
                  " prompts, ", measure.metric().name),
          asking.identity,
          evaluate::stability_of(
              asking.prompts.size(),
              [&](std::span<std::size_t const> which) {
                return method->by_measure(
                    asked.model, [&](std::span<any_policy const> policies) { return measure.on(which, policies); },
                    during);
              },
              chosen.calibration.seed)};
}

scored_heads score_by_method(rank_options const& chosen, loaded_model const& loaded) {
  auto const [method, argument] = find_ranking(chosen.method);
  auto const reads_texts = method->level == evaluate::ranking_level::observed;
  if (!reads_texts && !(chosen.calibration.items.empty() && chosen.calibration.text.empty()))
    throw error{"--method " + chosen.method, "it looks at weights alone, or at a file", "no --items and no --text"};
  auto const texts = reads_texts ? read_texts(chosen.calibration, loaded) : std::vector<calibration_text>{};
  evaluate::ranking_ground from{.model = loaded.model, .weights = loaded.weights, .texts = texts};
  scored_heads made{.scores = score_all_heads(from, chosen.method)};
  if (method->level == evaluate::ranking_level::file) {
    made.data = argument;
    made.data_identity = digest_of_file(argument);
  }
  if (!reads_texts) return made;
  made.data = data_name(chosen.calibration);
  made.data_identity = evaluate::identity_of(texts);
  made.stability = evaluate::stability_of(
      texts.size(),
      [&](std::span<std::size_t const> which) {
        std::vector<calibration_text> some;
        for (auto const i : which) some.push_back(texts[i]);
        from.texts = some;
        return score_all_heads(from, chosen.method);
      },
      chosen.calibration.seed);
  return made;
}

/// How much a ranking depends on its texts, and what is to be said against it.
void print_stability(ranking const& made) {
  if (auto const& stability = made.source.stability) {
    fmt::print("halves of its {} texts: Kendall's tau {:+.2f} (p {:.3f}); overlap of the best k in a layer",
               stability->texts, stability->tau, stability->p);
    for (auto const& [k, share] : stability->overlap) fmt::print(", {}: {:.2f}", k, share);
    fmt::print("\n");
  }
  if (auto const doubt = evaluate::doubt_of(made); !doubt.empty()) fmt::print(stderr, "warning: {}\n", doubt);
}

void rank_heads(rank_options const& chosen) {
  auto const loaded = load_model(chosen.calibration.model);
  auto [scores, data, data_identity, stability] =
      chosen.task.empty() ? score_by_method(chosen, loaded) : score_by_task(chosen, loaded);
  ranking const result{.scores = std::move(scores),
                       .source = {.method = chosen.method,
                                  .model = loaded.name,
                                  .model_identity = loaded.identity(),
                                  .data = std::move(data),
                                  .data_identity = std::move(data_identity),
                                  .seed = chosen.calibration.seed,
                                  .version = version,
                                  .stability = std::move(stability)}};
  auto const formats = published_formats();
  auto const format = std::ranges::find(formats, chosen.format, &evaluate::published_format::name);
  if (format != formats.end())
    reference::write_text(chosen.output, format->write(result, evaluate::ranked_heads_of(loaded.model.layers()).group));
  else reference::write_ranking(chosen.output, result);
  for (std::size_t layer = 0; layer < result.scores.size(); ++layer) {
    auto const& of_layer = result.scores[layer];
    if (of_layer.empty()) continue;
    std::vector<std::size_t> order(of_layer.size());
    for (std::size_t head = 0; head < order.size(); ++head) order[head] = head;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      return of_layer[a] != of_layer[b] ? of_layer[a] > of_layer[b] : a < b;
    });
    fmt::print("layer {}, best first: {}\n", layer, fmt::join(order, " "));
  }
  print_stability(result);
}

}  // namespace

void add_rank(CLI::App& app) {
  auto* const command =
      app.add_subcommand("rank", "Rank a model's heads once and for all, for fixed(FILE) in sentences");
  auto const chosen = std::make_shared<rank_options>();
  add_calibration_options(*command, chosen->calibration);
  std::string methods;
  for (auto const& method : ranking_methods()) add_to_list(methods, method.form());
  command->add_option("--method", chosen->method, "one of " + methods)->required();
  auto* const task = command
                         ->add_option("--task", chosen->task,
                                      "task of `headcount evaluate` that leave_one_out, all_but_one and greedy measure "
                                      "heads by: its name, or {\"task\": NAME, option: value, ...}")
                         ->excludes("--items")
                         ->excludes("--text");
  command->add_option("--metric", chosen->metric, "of the task; its first when left out")->needs(task);
  command->add_option("--phase", chosen->phase, "when the task's policies drop heads")
      ->needs(task)
      ->check(CLI::IsMember({"prefill", "generation", "all"}))
      ->capture_default_str();
  std::vector<std::string> formats{"headcount"};
  for (auto const& format : published_formats()) formats.emplace_back(format.name);
  command->add_option("--format", chosen->format, "of the file: this project's, or that of another")
      ->check(CLI::IsMember(formats))
      ->capture_default_str();
  command->add_option("--output", chosen->output, "file to write")->required();
  command->footer(
      "Example:\n  headcount rank --model examples/models/tiny-jamba --method \"mean(entropy)\" --output R.json\n"
      "  headcount generate --model examples/models/tiny-jamba --prompts prompts.json --policy \"fixed(R.json) | "
      "top_k(5) @ generation\"");
  command->callback([chosen] { rank_heads(*chosen); });
}

}  // namespace tool
