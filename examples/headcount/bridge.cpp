// headcount bridge: runtime or static? Needles found at an equal number of heads kept, by runtime policies, by static
// rankings distilled or computed in other ways, and by controls, on the same prompts.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/measure/recall.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/ranking/agreement.hpp>
#include <headcount/ranking/bridge.hpp>
#include <headcount/ranking/bridge_figures.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/result/row.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

struct bridge_options {
  std::string model;
  std::vector<std::size_t> k{2, 3, 5};
  std::string language;
  std::size_t draws = 8;
  std::size_t calibration = 30;
  std::size_t test = 120;
  std::uint64_t seed = 1;
  std::string output;
  std::string rows;
};

/// The needle that a prompt asks for, in words.
std::string needle_text(small_language const& language, needle_prompt const& prompt) {
  auto const [first, last] = *prompt.needle.begin();
  auto const begin = prompt.context.begin() + static_cast<std::ptrdiff_t>(first);
  return language.text({begin, begin + static_cast<std::ptrdiff_t>(last + 1 - first)});
}

/// Every answer as a row: a line for each prompt, policy and draw of its calibration.
void write_rows(bridge const& all, std::vector<std::string> const& needles, std::string const& model,
                std::string const& identity, bridge_options const& chosen) {
  journal file{chosen.rows, true};
  for (auto const& entry : all.entries)
    for (std::size_t draw = 0; draw < entry.policies.size(); ++draw) {
      row one{.model = model,
              .model_identity = identity,
              .policy = print(entry.policies[draw]),
              .policy_identity = policy_identity(entry.policies[draw]),
              .task = "needle",
              .setting = "mixed lengths and depths, four needles",
              .metric = "exact_match",
              .seed = chosen.seed};
      one.more = {{"method", entry.method},
                  {"kind", entry.kind},
                  {"budget", entry.budget},
                  {"k", entry.k},
                  {"heads", entry.heads}};
      std::vector<row> rows(needles.size(), one);
      for (std::size_t i = 0; i < needles.size(); ++i) {
        rows[i].prompt = text_of("needle/", i);
        rows[i].factors = {{"needle", needles[i]}};
        if (entry.policies.size() > 1) rows[i].factors["calibration"] = text_of(draw);
        rows[i].value = entry.values[draw][i];
      }
      file.append(rows);
    }
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
  auto const snapshot = load_model(chosen.model);
  auto const& model = snapshot.model;
  small_language const language{language_of(chosen.model, chosen.language)};
  auto const needles = draw_needles(language, chosen.draws, chosen.calibration, chosen.test, chosen.seed);
  std::vector<std::vector<calibration_text>> draws;
  for (auto const& draw : needles.calibration) {
    auto& texts = draws.emplace_back();
    for (auto const& prompt : draw) {
      texts.push_back(as_calibration(prompt));
      reference::validate(texts.back().prompt, model, "the needles' prompt");
    }
  }
  std::vector<std::string> names;
  for (auto const& prompt : needles.held_out) names.push_back(needle_text(language, prompt));
  auto const groups = cluster_by_name(names);

  auto const engine = as_language_model(model);
  auto all = make_bridge({.model = engine, .weights = &model}, draws,
                         {.k = chosen.k, .seed = chosen.seed, .progress = [](std::string const& what) {
                            fmt::print(stderr, "{} ...\n", what);
                          }});
  measure_bridge(all, [&](std::span<any_policy const> policies) {
    fmt::print(stderr, "measuring {} policies on {} needles ...\n", policies.size(), needles.held_out.size());
    std::vector<std::vector<double>> values;
    for (auto const& found : recall_needles(engine, needles.held_out, policies))
      values.emplace_back(found.begin(), found.end());
    return values;
  });
  auto const identity = snapshot.identity();
  if (!chosen.rows.empty()) write_rows(all, names, snapshot.name, identity, chosen);

  fmt::print(
      "{}: share of {} needles ({} clusters) found, and what is lost against entropy at run time with the same k.\n"
      "Whatever is calibrated is calibrated {} times, on {} other needles each: means over these draws, the lowest "
      "and\n"
      "the highest draw, and 95% intervals for other draws and other needles; seed {}\n",
      snapshot.name, names.size(), groups.size(), chosen.draws, chosen.calibration, chosen.seed);
  fmt::print("{:>2}  {:<48} {:<8} {:<7} {:<18} {:<12} {}\n", "k", "method", "kind", "budget", "found", "draws",
             "regret");
  auto rows = nlohmann::ordered_json::array();
  for (auto const& entry : all.entries) {
    auto const found = figure_of(entry.values, groups, right_or_wrong);
    rows.push_back(to_json(entry, "exact_match", found));
    fmt::print("{:>2}  {:<48} {:<8} {:<7} {:.2f} [{:.2f}, {:.2f}]", entry.k, entry.method, entry.kind, entry.budget,
               found.value, found.ci95.low, found.ci95.high);
    fmt::print(" {:<12}", found.draws > 1 ? fmt::format("{:.2f} to {:.2f}", found.least, found.most) : "");
    if (auto const lost = regret_of(all, entry); !lost.empty()) {
      auto const regret = figure_of(lost, groups, between(-1, 1));
      rows.push_back(to_json(entry, "regret", regret));
      fmt::print(" {:+.2f} [{:+.2f}, {:+.2f}]", regret.value, regret.ci95.low, regret.ci95.high);
    }
    fmt::print("\n");
  }
  print_agreement(all.rankings);
  nlohmann::ordered_json const result{{"model", snapshot.name},
                                      {"model_identity", identity},
                                      {"seed", chosen.seed},
                                      {"version", version},
                                      {"calibration_draws", chosen.draws},
                                      {"calibration_prompts", chosen.calibration},
                                      {"test_prompts", names.size()},
                                      {"rows", std::move(rows)},
                                      {"agreement", agreement_of(all.rankings, chosen.k)}};
  reference::write_text(chosen.output, result.dump(1) + "\n");
}

}  // namespace

void add_bridge(CLI::App& app) {
  auto* const command =
      app.add_subcommand("bridge", "Runtime or static? Needles found with the same number of heads, chosen either way");
  auto const chosen = std::make_shared<bridge_options>();
  command->add_option("--model", chosen->model, "model folder")->required();
  command->add_option("--k", chosen->k, "numbers of heads kept in a layer, e.g. 2,3,5")
      ->delimiter(',')
      ->capture_default_str();
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
  command->add_option("--rows", chosen->rows, "JSONL file for a row of every prompt, policy and draw");
  command->footer("Example:\n  headcount bridge --model examples/models/tiny-jamba --k 2,3,5 --output B.json");
  command->callback([chosen] { build_bridge(*chosen); });
}

}  // namespace tool
