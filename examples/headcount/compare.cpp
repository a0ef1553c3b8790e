// headcount compare: which of two policies is better, by how much, how sure.

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/file/json_file.hpp>
#include <headcount/result/canonical.hpp>
#include <headcount/result/pairing.hpp>
#include <headcount/result/read_rows.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/verdict.hpp>

#include "commands.hpp"
#include "grammar.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

using namespace headcount::evaluate;

struct compare_options {
  std::string rows;
  std::string a;
  std::string b;
  std::string task;
  std::uint64_t seed = 0;
  std::optional<double> margin{};
  bool json = false;
};

/// What is shown of neither being worse than the other by a margin.
std::string within_margin(verdict const& one, std::string const& a, std::string const& b) {
  auto const& [margin, p_a, p_b] = *one.within;
  auto const by = fmt::format("{:.4g}", margin);
  auto const [smaller, larger] = std::minmax(p_a, p_b);
  if (one.a_is_not_worse() && one.b_is_not_worse())
    return fmt::format("; they are equal within {}, p = {:.2g}", by, larger);
  if (!one.has_direction()) return fmt::format("; that they are equal within {} is not shown, p = {:.2g}", by, larger);
  if (one.a_is_not_worse() || one.b_is_not_worse())
    return fmt::format("; \"{}\" is not worse by {}, p = {:.2g}", one.a_is_not_worse() ? a : b, by,
                       one.a_is_not_worse() ? p_a : p_b);
  return fmt::format("; that either is not worse by {} is not shown, p = {:.2g}", by, smaller);
}

/// The result in a sentence.
std::string sentence_of(verdict const& one, std::string const& a, std::string const& b, std::size_t comparisons) {
  auto const& values = one.values;
  auto const& found = one.found;
  auto text = fmt::format("{}, {}{}{}, {}: ", values.model, values.task, values.setting.empty() ? "" : " ",
                          values.setting, values.metric);
  if (found.pairs == 0)
    return text + fmt::format("nothing can be said, none of {} pairs has two finite values.", values.not_finite_pairs);
  auto const& leader = one.a_leads() ? a : b;
  auto const& other = one.a_leads() ? b : a;
  bool const flip = found.difference < 0;
  auto const low = flip ? -found.range.high : found.range.low;
  auto const high = flip ? -found.range.low : found.range.high;
  if (one.is_sure())
    text += fmt::format("\"{}\" is {} than \"{}\" by {:.4g}", leader, one.has_direction() ? "better" : "higher", other,
                        std::abs(found.difference));
  else if (found.difference == 0) text += fmt::format("\"{}\" and \"{}\" are equal", a, b);
  else
    text +=
        fmt::format("no difference is shown, \"{}\" leads \"{}\" by {:.4g}", leader, other, std::abs(found.difference));
  text += fmt::format(" (95% interval {:.4g} to {:.4g}; {:.4g} against {:.4g} on {} {}", low, high,
                      one.a_leads() ? found.mean_a : found.mean_b, one.a_leads() ? found.mean_b : found.mean_a,
                      values.prompts, values.prompts == 1 ? "prompt" : "prompts");
  if (found.clusters != values.prompts)
    text += fmt::format(" in {} {}", found.clusters, found.clusters == 1 ? "cluster" : "clusters");
  if (values.prompts != found.pairs) text += fmt::format(" with {} pairs", found.pairs);
  text += fmt::format("), p = {:.2g} by the {}", one.corrected, found.test);
  if (!one.has_direction()) text += "; no task says which way the metric is better";
  if (comparisons > 1) text += fmt::format(", Holm-corrected for {} comparisons", comparisons);
  text +=
      std::isinf(found.smallest_detectable)
          ? "; this sample could have shown no difference"
          : fmt::format("; the smallest difference this sample could have shown is {:.2g}", found.smallest_detectable);
  if (one.within) text += within_margin(one, a, b);
  if (auto const left_out = values.only_a + values.only_b; left_out != 0)
    text += fmt::format("; {} {} without a pair left out", left_out, left_out == 1 ? "row" : "rows");
  if (values.not_finite_pairs != 0)
    text += fmt::format(
        "; {} {} with a value that is not finite left out ({} of \"{}\", {} of \"{}\"), and who has such values is not "
        "called better",
        values.not_finite_pairs, values.not_finite_pairs == 1 ? "pair" : "pairs", values.not_finite_a, a,
        values.not_finite_b, b);
  return text + ".";
}

nlohmann::ordered_json to_json(verdict const& one, std::string const& sentence) {
  auto const& values = one.values;
  auto const& found = one.found;
  nlohmann::ordered_json json{{"model", values.model},
                              {"model_identity", values.model_identity},
                              {"task", values.task},
                              {"setting", values.setting},
                              {"metric", values.metric},
                              {"pairs", found.pairs},
                              {"prompts", values.prompts},
                              {"clusters", found.clusters},
                              {"left_out", {{"a", values.only_a}, {"b", values.only_b}}},
                              {"not_finite", {{"a", values.not_finite_a}, {"b", values.not_finite_b}}},
                              {"mean", {{"a", found.mean_a}, {"b", found.mean_b}}},
                              {"difference", found.difference},
                              {"ci95", {found.range.low, found.range.high}},
                              {"test", found.test},
                              {"p", found.p},
                              {"p_corrected", one.corrected}};
  json["smallest_detectable"] = std::isinf(found.smallest_detectable)
                                    ? nlohmann::ordered_json{}
                                    : nlohmann::ordered_json(found.smallest_detectable);
  json["better_is"] = values.of.better == direction::higher  ? nlohmann::ordered_json("higher")
                      : values.of.better == direction::lower ? nlohmann::ordered_json("lower")
                                                             : nlohmann::ordered_json{};
  json["better"] = one.is_sure() && one.has_direction() ? nlohmann::ordered_json(one.a_leads() ? "a" : "b")
                                                        : nlohmann::ordered_json{};
  if (one.within) {
    json["margin"] = one.within->margin;
    json["p_not_worse"] = {{"a", one.within->p_a}, {"b", one.within->p_b}};
    json["equal_within_margin"] = one.a_is_not_worse() && one.b_is_not_worse();
  }
  json["sentence"] = sentence;
  return json;
}

void compare_rows(compare_options const& chosen) {
  auto const rows = read_rows(chosen.rows);
  auto const verdicts =
      judge(pair_rows(chosen.rows, rows, chosen.a, chosen.b, metrics_of_task, chosen.task), chosen.seed, chosen.margin);
  canonical_policies canonical;
  auto const a = canonical.of(chosen.a);
  auto const b = canonical.of(chosen.b);
  nlohmann::ordered_json out{{"a", a}, {"b", b}, {"comparisons", nlohmann::ordered_json::array()}};
  for (auto const& one : verdicts) {
    auto const sentence = sentence_of(one, a, b, verdicts.size());
    if (chosen.json) out["comparisons"].push_back(to_json(one, sentence));
    else fmt::print("{}\n", sentence);
  }
  if (chosen.json) fmt::print("{}\n", headcount::reference::json_text(out, 2));
}

}  // namespace

void add_compare(CLI::App& app) {
  auto* const command =
      app.add_subcommand("compare", "Say which of two policies is better, by how much, and how sure that is");
  auto const chosen = std::make_shared<compare_options>();
  command->add_option("ROWS", chosen->rows, "result file, a row a line")->required();
  command->add_option("--a", chosen->a, "sentence of one policy")->required();
  command->add_option("--b", chosen->b, "sentence of the other")->required();
  command->add_option("--task", chosen->task, "only this task's rows");
  command->add_option("--seed", chosen->seed, "of the permutations, where there are too many to count all")
      ->capture_default_str();
  command
      ->add_option("--margin", chosen->margin,
                   "test, too, whether either is worse by less than this, in the metric's unit")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", chosen->json, "print JSON");
  command->footer(
      "Rows are paired by model, policy and task, each by its identity, and by metric, prompt, seed and factors; what "
      "prompts share (factors) counts once.\n\n"
      "Example:\n  headcount compare rows.jsonl --a \"entropy | top_k(2) @ generation\" --b \"none @ generation\"");
  command->callback([chosen] { compare_rows(*chosen); });
}

}  // namespace tool
