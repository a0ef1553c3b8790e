// headcount bridge: runtime or static? Needles found at an equal number of heads kept, by runtime policies, by static
// rankings distilled or computed in other ways, and by controls, on the same prompts.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/measure/ask.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/agreement.hpp>
#include <headcount/ranking/bridge.hpp>
#include <headcount/ranking/bridge_figures.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/gate.hpp>
#include <headcount/score/gated_output_norm.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>
#include <headcount/version.hpp>

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

struct bridge_options {
  std::string model;
  std::vector<std::size_t> k{2, 3, 5};
  std::vector<std::string> scorers;
  std::string language;
  std::size_t draws = 8;
  std::size_t calibration = 30;
  std::size_t test = 120;
  std::uint64_t seed = 1;
  std::string output;
  std::string rows;
};

/// Every answer as a row: a line for each prompt, policy and draw of its calibration. Rows that are there stay.
void write_rows(bridge const& all, model_under_test const& asked, task const& asking, journal& file) {
  for (auto const& entry : all.entries)
    for (std::size_t draw = 0; draw < entry.policies.size(); ++draw) {
      auto one = make_row(asked, asking, entry.policies[draw], 0, "exact_match");
      one.more = {{"method", entry.method},
                  {"kind", entry.kind},
                  {"budget", entry.budget},
                  {"k", entry.k},
                  {"heads", entry.heads}};
      if (entry.policies.size() > 1) one.more["calibration"] = draw;
      std::vector<row> rows;
      for (std::size_t i = 0; i < asking.prompts.size(); ++i) {
        one.prompt = asking.prompts[i].name;
        one.factors.clear();
        for (auto const& [name, value] : asking.prompts[i].factors) one.factors[name] = value;
        one.value = entry.values[draw][i];
        if (!file.has(key_of(one))) rows.push_back(one);
      }
      file.append(rows);
    }
}

/// Where rows go: beside the output, if nobody says.
std::filesystem::path rows_beside(bridge_options const& chosen) {
  if (!chosen.rows.empty()) return chosen.rows;
  auto beside = std::filesystem::path{chosen.output}.replace_extension(".jsonl");
  if (beside == chosen.output || reference::is_stream(chosen.output))
    throw error{chosen.output, "rows cannot be written beside it", "--output FILE.json, or --rows"};
  return beside;
}

nlohmann::ordered_json agreement_of(std::span<bridge_ranking const> rankings, std::vector<std::size_t> const& ks) {
  auto rows = nlohmann::ordered_json::array();
  for (std::size_t a = 0; a < rankings.size(); ++a)
    for (std::size_t b = 0; b <= a; ++b) {
      auto const add = [&](char const* metric, nlohmann::ordered_json k, double value) {
        rows.push_back({{"a", rankings[b].method},
                        {"b", rankings[a].method},
                        {"metric", metric},
                        {"k", std::move(k)},
                        {"value", std::isfinite(value) ? nlohmann::ordered_json(value) : nullptr}});
      };
      add("kendall_tau_b", nullptr, mean_agreement(rankings[b], rankings[a], [](auto const& one, auto const& other) {
            return kendall_tau_b(one, other);
          }));
      for (auto const k : ks)
        add("jaccard_at_k", k, mean_agreement(rankings[b], rankings[a], [k](auto const& one, auto const& other) {
              return jaccard_at(k, one, other);
            }));
    }
  return rows;
}

void print_agreement(std::span<bridge_ranking const> rankings) {
  fmt::print(
      "\nAgreement of the rankings, Kendall's tau-b, mean over draws; with itself, in the last column: over pairs of "
      "draws\n");
  for (std::size_t a = 0; a < rankings.size(); ++a) {
    fmt::print("{:>2} {:<48}", a + 1, rankings[a].method);
    for (std::size_t b = 0; b <= a; ++b)
      fmt::print(" {:+.2f}", mean_agreement(rankings[a], rankings[b], [](auto const& one, auto const& other) {
                   return kendall_tau_b(one, other);
                 }));
    fmt::print("\n");
  }
}

nlohmann::ordered_json to_json(bridge_entry const& entry, char const* metric, bridge_figure const& figure) {
  return {{"method", entry.method}, {"kind", entry.kind},
          {"budget", entry.budget}, {"k", entry.k},
          {"heads", entry.heads},   {"metric", metric},
          {"value", figure.value},  {"ci95", {figure.ci95.low, figure.ci95.high}},
          {"n", figure.prompts},    {"clusters", figure.clusters},
          {"draws", figure.draws},  {"draw_range", {figure.least, figure.most}}};
}

void build_bridge(bridge_options const& chosen) {
  reference::require_writable(chosen.output);
  auto const rows = rows_beside(chosen);
  reference::require_writable(rows);
  if (std::filesystem::is_regular_file(rows)) require_rows(rows);
  auto const loaded = load_model(chosen.model);
  auto asked = as_model_under_test(loaded, chosen.model);
  asked.language = language_of(chosen.model, chosen.language);
  small_language const language{asked.language};
  // The needles that task recall asks; those of the calibration are others.
  task_options const options{"bridge", {{"prompts", chosen.test}, {"seed", chosen.seed}}};
  auto const asking = tool::make_tasks(asked, "recall", options).front();
  auto const needles = draw_needles(language, chosen.draws, chosen.calibration, chosen.test, chosen.seed);
  std::vector<any_scorer> scorers;
  for (auto const& sentence : chosen.scorers) scorers.push_back(read_scorer(sentence));
  if (scorers.empty() && loaded.has_gates) scorers = {score::gate{}, score::gated_output_norm{}};
  for (auto const& scorer : scorers) require_fit(scorer, loaded);
  auto const draws = as_texts(needles.calibration, loaded);
  std::vector<std::string> names;
  for (auto const& prompt : needles.held_out) names.push_back(prompt.sentence);
  auto const groups = cluster_by_name(names);

  auto all = tool::make_bridge(
      {.model = asked.model, .weights = loaded.weights}, draws,
      {.k = chosen.k, .scorers = scorers, .seed = chosen.seed, .progress = [](std::string const& what) {
         fmt::print(stderr, "{} ...\n", what);
       }});
  journal file{rows};
  measure_bridge(all, [&](std::span<any_policy const> policies) {
    fmt::print(stderr, "measuring {} policies on {} needles ...\n", policies.size(), names.size());
    std::vector<std::vector<double>> values(policies.size(), std::vector<double>(names.size()));
    work done;
    ask(asked.model, asking, policies, done, [&](std::size_t p, std::size_t i, judgement&& one) {
      if (one.metric == "exact_match") values[p][i] = one.value;
    });
    return values;
  });
  write_rows(all, asked, asking, file);

  fmt::print(
      "{}: share of {} needles ({} clusters) found, and what is lost against entropy at run time with the same k.\n"
      "Whatever is calibrated is calibrated {} times, on {} other needles each: means over these draws, the lowest "
      "and\n"
      "the highest draw, and 95% intervals for other draws and other needles; seed {}\n",
      loaded.name, names.size(), groups.size(), chosen.draws, chosen.calibration, chosen.seed);
  fmt::print("{:>2}  {:<48} {:<8} {:<7} {:<18} {:<12} {}\n", "k", "method", "kind", "budget", "found", "draws",
             "regret");
  auto figures = nlohmann::ordered_json::array();
  for (auto const& entry : all.entries) {
    auto const found = figure_of(entry.values, groups, right_or_wrong);
    figures.push_back(to_json(entry, "exact_match", found));
    fmt::print("{:>2}  {:<48} {:<8} {:<7} {:.2f} [{:.2f}, {:.2f}]", entry.k, entry.method, entry.kind, entry.budget,
               found.value, found.ci95.low, found.ci95.high);
    fmt::print(" {:<12}", found.draws > 1 ? fmt::format("{:.2f} to {:.2f}", found.least, found.most) : "");
    if (auto const lost = regret_of(all, entry); !lost.empty()) {
      auto const regret = figure_of(lost, groups, between(-1, 1));
      figures.push_back(to_json(entry, "regret", regret));
      fmt::print(" {:+.2f} [{:+.2f}, {:+.2f}]", regret.value, regret.ci95.low, regret.ci95.high);
    }
    fmt::print("\n");
  }
  print_agreement(all.rankings);
  nlohmann::ordered_json const result{{"model", loaded.name},
                                      {"model_identity", asked.identity},
                                      {"seed", chosen.seed},
                                      {"version", version},
                                      {"calibration_draws", chosen.draws},
                                      {"calibration_prompts", chosen.calibration},
                                      {"test_prompts", names.size()},
                                      {"task", asking.name},
                                      {"task_identity", asking.identity},
                                      {"rows", std::move(figures)},
                                      {"agreement", agreement_of(all.rankings, chosen.k)}};
  reference::write_text(chosen.output, headcount::reference::json_text(result, 1) + "\n");
}

}  // namespace

void add_bridge(CLI::App& app) {
  auto* const command =
      app.add_subcommand("bridge", "Runtime or static? Needles found with the same number of heads, chosen either way");
  auto const chosen = std::make_shared<bridge_options>();
  command->add_option("--model", chosen->model, "model folder, or a GGUF file")->required();
  command->add_option("--k", chosen->k, "numbers of heads kept in a layer, e.g. 2,3,5")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--scorer", chosen->scorers,
                      "chooses at run time beside entropy and is distilled as it is, e.g. output_norm; gate and "
                      "gated_output_norm when left out and heads have gates");
  command->add_option("--language", chosen->language,
                      "language.json for needles; the one beside the model when left out");
  command->add_option("--draws", chosen->draws, "times that rankings and predictors are made anew, on other needles")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command->add_option("--calibration", chosen->calibration, "needles of a draw, that they learn from")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  command->add_option("--test", chosen->test, "other needles, which policies are measured on")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  command->add_option("--seed", chosen->seed, "another seed makes other needles")->capture_default_str();
  command->add_option("--output", chosen->output, "JSON file to write")->required();
  command->add_option(
      "--rows", chosen->rows,
      "result file for a row of every prompt, policy and draw; FILE.jsonl beside --output FILE.json when left out");
  command->footer("Example:\n  headcount bridge --model examples/models/tiny-jamba --k 2,3,5 --output B.json");
  command->callback([chosen] { build_bridge(*chosen); });
}

}  // namespace tool
