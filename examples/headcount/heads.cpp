// headcount heads: how many heads does each model need? A page of tables, made of rows.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/cost/model_cost.hpp>
#include <headcount/cost/model_memory.hpp>
#include <headcount/cost/roofline.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/head_count.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/missing.hpp>
#include <headcount/result/total.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/task_options.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
#include "model_under_test.hpp"
#include "rankings.hpp"
#include "sentences.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

struct heads_options {
  std::vector<std::string> models;
  std::string language;
  std::size_t draws = 6;
  std::size_t calibration = 16;
  std::size_t prompts = 120;
  std::uint64_t seed = 1;
  std::size_t context = 4096;
  double bandwidth = 100;  // GB a second
  std::string rows;
  std::string output;
};

/// What a model is made of.
struct outline {
  std::string mixers{};  ///< "6 mamba, 2 attention"
  std::size_t heads = 0;
  std::size_t key_value_heads = 0;
  std::size_t in_model = 0;  ///< heads of all layers

  explicit outline(reference::model const& model) {
    std::map<std::string, std::size_t> kinds;
    for (auto const& layer : model.layers) {
      visit_block(layer.recurrent, [&](auto const& block) { ++kinds[std::string{block.kind}]; });
      if (!layer.attention) continue;
      ++kinds[std::string{reference::attention::kind}];
      heads = std::max(heads, layer.attention->heads);
      key_value_heads = std::max(key_value_heads, layer.attention->key_value_heads);
      in_model += layer.attention->heads;
    }
    for (auto const& [kind, count] : kinds) mixers += fmt::format("{}{} {}", mixers.empty() ? "" : ", ", count, kind);
  }
};

std::string print(estimate const& of) {
  return of.ci95 ? fmt::format("{:.2f} [{:.2f}, {:.2f}]", of.value, of.ci95->low, of.ci95->high)
                 : fmt::format("{:.2f}", of.value);
}

std::string print(fewest_heads const& of) {
  return fmt::format("{} [{:.0f}, {:.0f}]", of.heads, of.ci95.low, of.ci95.high);
}

/// What was measured of a model, a row of each table.
struct measured_model {
  std::string name{};
  outline is;
  head_count needs{};
  estimate facts_dense{};
  estimate facts_none{};
  estimate facts_kept{};  ///< with as many heads of a layer by entropy as needles need
};

measured_model measure_model(std::string const& folder, heads_options const& chosen, journal* file) {
  auto const loaded = load_model(folder);
  require_weights(loaded, "heads");
  auto asked = as_model_under_test(loaded, folder);
  asked.language = language_of(folder, chosen.language);
  task_options const options{"heads", {{"prompts", chosen.prompts}, {"seed", chosen.seed}}};
  auto const needles = tool::make_tasks(asked, "recall", options).front();
  auto const facts = tool::make_tasks(asked, "facts", options).front();
  if (file != nullptr) {
    ground now;
    for (auto const* one : {&needles, &facts}) add_to(now, asked, std::span{one, 1}, {});
    now.require_unchanged(chosen.rows, file->rows());
  }
  small_language const language{asked.language};
  auto const draws = as_texts(
      draw_needles(language, chosen.draws, chosen.calibration, chosen.prompts, chosen.seed).calibration, loaded);
  measured_model made{.name = asked.name, .is = outline{*loaded.weights}};
  made.needs = tool::count_heads(
      {.model = asked.model, .weights = loaded.weights}, asked, needles, draws,
      {.seed = chosen.seed,
       .progress = [&](std::string const& what) { fmt::print(stderr, "{}: {} ...\n", asked.name, what); }},
      file);
  auto const enough = made.needs.best("entropy", &heads_needed::of_layer)->of_layer.heads;
  auto const policies = read_policies({"dense", "none", fmt::format("entropy | top_k({})", enough)});
  work done;
  auto const rows = ask_missing(asked, facts, policies, file, done);
  auto const share = [&](any_policy const& policy) {
    std::vector<row const*> own;
    for (auto const& one : rows)
      if (one.policy_identity == policy_identity(policy)) own.push_back(&one);
    return estimate_of(own, facts.metrics.front());
  };
  made.facts_dense = share(policies[0]);
  made.facts_none = share(policies[1]);
  made.facts_kept = share(policies[2]);
  return made;
}

/// A cell: the fewest heads by the best way of a kind, of so many; static ones with the method's name.
std::string cell(measured_model const& of, std::string_view kind, fewest_heads heads_needed::* scope) {
  auto const* best = of.needs.best(kind, scope);
  if (best == nullptr) return "";
  return print(best->*scope) + (kind == "static" ? fmt::format(" {}", best->method) : "");
}

/// The tables of what was measured.
std::string measured_tables(std::span<measured_model const> models) {
  std::string text =
      "| model | mixers | needles found: all heads | none | facts known: all heads | none | entropy, k of a layer |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (auto const& one : models)
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {}, k = {} |\n", one.name, one.is.mixers,
                        print(one.needs.dense), print(one.needs.none), print(one.facts_dense), print(one.facts_none),
                        print(one.facts_kept), one.needs.best("entropy", &heads_needed::of_layer)->of_layer.heads);
  for (bool const in_layer : {true, false}) {
    auto const scope = in_layer ? &heads_needed::of_layer : &heads_needed::of_model;
    text += fmt::format(
        "\n| model | heads of {} | entropy | gate | best static | random |\n| --- | --- | --- | --- | --- | --- |\n",
        in_layer ? "a layer" : "the model");
    for (auto const& one : models)
      text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", one.name, in_layer ? one.is.heads : one.is.in_model,
                          cell(one, "entropy", scope), cell(one, "gate", scope), cell(one, "static", scope),
                          cell(one, "random", scope));
  }
  return text;
}

/// The table of what a configuration says of a model that nobody has run.
std::string predicted_table(std::span<std::string const> configurations, heads_options const& chosen) {
  std::string text = fmt::format(
      "| configuration | mixers | heads of a layer (KV) | weights, GB | cache and state, GB | ms a token: all heads | "
      "k "
      "heads | k |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  machine_rates const rates{.bandwidth = chosen.bandwidth * 1e9, .flops = 0};
  for (auto const& path : configurations) {
    auto const config = reference::read_config(path);
    outline const is{config.outline()};
    auto const memory = memory_of(config, chosen.context);
    auto const k = static_cast<std::size_t>(std::lround(std::ceil(0.15 * static_cast<double>(is.heads))));
    auto const milliseconds = [&](std::string const& policy) {
      return 1e3 * least_seconds(cost_of(config, read_policy(policy), phase::generation, chosen.context), rates);
    };
    text +=
        fmt::format("| {} | {} | {} ({}) | {:.2f} | {:.3f} | {:.3g} | {:.3g} | {} |\n",
                    std::filesystem::path{path}.stem().string(), is.mixers, is.heads, is.key_value_heads,
                    static_cast<double>(memory.weights) * 1e-9, static_cast<double>(memory.cache + memory.state) * 1e-9,
                    milliseconds("dense"), milliseconds(fmt::format("entropy | top_k({}) @ generation", k)), k);
  }
  return text;
}

/// The command that makes the page again.
std::string command_of(heads_options const& chosen) {
  heads_options const usual;
  auto text = fmt::format("headcount heads {}", fmt::join(chosen.models, " "));
  auto const add = [&](char const* name, auto value, auto otherwise) {
    if (value != otherwise) text += fmt::format(" {} {}", name, value);
  };
  add("--language", chosen.language, usual.language);
  add("--draws", chosen.draws, usual.draws);
  add("--calibration", chosen.calibration, usual.calibration);
  add("--prompts", chosen.prompts, usual.prompts);
  add("--seed", chosen.seed, usual.seed);
  add("--context", chosen.context, usual.context);
  add("--bandwidth", chosen.bandwidth, usual.bandwidth);
  return text + fmt::format(" --output {}", chosen.output);
}

void count_of_all(heads_options const& chosen) {
  reference::require_writable(chosen.output);
  std::vector<std::string> configurations;
  std::vector<std::string> folders;
  for (auto const& path : chosen.models)
    (std::filesystem::is_directory(path) ? folders : configurations).push_back(path);
  for (auto const& path : configurations) (void)reference::read_config(path);
  std::optional<journal> file;
  if (!chosen.rows.empty()) file.emplace(chosen.rows);
  std::vector<measured_model> models;
  for (auto const& folder : folders) models.push_back(measure_model(folder, chosen, file ? &*file : nullptr));

  auto text = fmt::format("# How many heads does a model need?\n\nPrinted by\n\n    {}\n", command_of(chosen));
  if (!models.empty())
    text += fmt::format(
        "\nThe fewest heads that find 0.9 of the needles that all heads find, of {} needles in contexts of 96 to 192 "
        "tokens; all\nheads when fewer do not. Prompts are read with all heads, which then are chosen for each token "
        "that is said: as many of\neach layer, or of the whole model. `entropy` and `gate` choose at run time, of the "
        "whole model by a threshold that keeps\nso many on average. Static heads are the same at every token; of {} "
        "the "
        "one that needs the fewest is shown, which flatters\nit. `random` draws heads anew for every token. "
        "Intervals are of 95%: for other needles, and where something is calibrated\n(on {} other needles, {} times) "
        "for "
        "other calibrations. Facts are asked with heads chosen in the prompt, too; a guess\nknows 0.25. Seed {}.\n\n{}",
        chosen.prompts, fmt::join(head_count_plan{}.methods, ", "), chosen.calibration, chosen.draws, chosen.seed,
        measured_tables(models));
  if (!configurations.empty())
    text += fmt::format(
        "\n## Published sizes\n\nNot run: out of their configurations, as `headcount cost --model CONFIGURATION "
        "--policy POLICY --context {}\n--bandwidth {}` says it. Weights in bfloat16; cache and state of one sequence "
        "of "
        "{} tokens in float32, as this tool keeps\nthem; the least milliseconds that a token takes where {} GB a "
        "second "
        "are read, with all heads and under\n`entropy | top_k(k) @ generation` with 15% of heads. What `heads FOLDER` "
        "says of such a model needs needles that it can read.\n\n{}",
        chosen.context, chosen.bandwidth, chosen.context, chosen.bandwidth, predicted_table(configurations, chosen));
  reference::write_text(chosen.output, text);
}

}  // namespace

void add_heads(CLI::App& app) {
  auto* const command =
      app.add_subcommand("heads", "Count the heads that models need, chosen in every way, in one page of tables");
  auto const chosen = std::make_shared<heads_options>();
  command
      ->add_option("models", chosen->models,
                   "model folders, and config.json files of models that only their cost is said of")
      ->required();
  command->add_option("--output", chosen->output, "Markdown file to write")->required();
  command->add_option("--rows", chosen->rows,
                      "file for a row of every prompt and policy; those that it holds are not asked for again");
  command->add_option("--language", chosen->language,
                      "language.json for needles; the one beside the model when left out");
  command->add_option("--draws", chosen->draws, "times that rankings and thresholds are made anew, on other needles")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command->add_option("--calibration", chosen->calibration, "needles of a draw")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  command->add_option("--prompts", chosen->prompts, "other needles, and facts, that heads are counted on")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  command->add_option("--seed", chosen->seed, "another seed makes other needles")->capture_default_str();
  command->add_option("--context", chosen->context, "tokens that cost is said for")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--bandwidth", chosen->bandwidth, "GB a second that time is said for")
      ->check(CLI::Range(1e-6, 1e9))
      ->capture_default_str();
  command->footer("Example:\n  headcount heads examples/models/tiny-jamba examples/models/tiny-lfm2 --output heads.md");
  command->callback([chosen] { count_of_all(*chosen); });
}

}  // namespace tool
