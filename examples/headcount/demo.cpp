// headcount demo: the paper's findings on small hybrids, as tables, a file and a picture, and what differs in newer
// ones.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/task/language/small_language.hpp>

#include "commands.hpp"
#include "demo_questions.hpp"
#include "finding.hpp"
#include "measure.hpp"
#include "picture.hpp"

namespace tool {
namespace {

constexpr char const* hybrids[] = {"tiny-recurrent-gemma", "tiny-jamba", "tiny-qwen3-next", "tiny-granite-hybrid",
                                   "tiny-lfm2"};

struct demo_options {
  std::string models;
  std::string output = ".";
  std::string rows;
  demo_plan plan;
};

/// Where the small hybrids are: where the user says, else in the sources, else where they were installed.
std::filesystem::path find_models(std::string const& chosen) {
  for (std::filesystem::path const folder : {chosen.c_str(), HEADCOUNT_SOURCE_MODELS, HEADCOUNT_INSTALLED_MODELS}) {
    if (std::filesystem::exists(folder / "language.json")) return folder;
    if (!chosen.empty()) break;
  }
  throw headcount::error{chosen.empty() ? "the small hybrids" : chosen, "not found",
                         fmt::format("a folder with language.json, {}", fmt::join(hybrids, ", "))};
}

finding const* find(measurement const& of, std::string const& task, std::string const& policy,
                    std::string const& metric, std::string const& setting = "") {
  for (auto const& one : of.findings)
    if (one.of.task == task && one.of.setting == setting && one.of.policy == policy && one.of.metric == metric)
      return &one;
  return nullptr;
}

/// A share as the table says it; nothing where it was not asked.
std::string share_of(finding const* one) { return one == nullptr ? "" : print(*one); }

std::string needles(measurement const& of, std::string const& policy, std::string const& setting = "",
                    std::string const& metric = "exact_match") {
  return share_of(find(of, inside, policy, metric, setting));
}

std::string fewest(measurement const& of, std::string const& scorer) {
  auto const* one = find(of, inside, scorer + " | top_k(k) @ generation", "smallest_k_with_0.9_of_dense");
  if (one == nullptr) return "";
  auto const& found = one->of.found;
  return fmt::format("{:.0f} of {} [{:.0f}, {:.0f}]", found.value, of.heads, found.ci95->low, found.ci95->high);
}

/// The numbers of heads at which a scorer finds significantly more needles than another.
std::vector<std::size_t> better_at(measurement const& of, std::string const& scorer, std::string const& other) {
  std::vector<std::size_t> found;
  for (auto const k : of.kept) {
    auto const* one = find(of, inside, choosing(scorer, k, in_generation), "difference_from_" + other);
    if (one != nullptr && one->of.found.value > 0 && one->more["p"].get<double>() < 0.05) found.push_back(k);
  }
  return found;
}

/// "k = 2, 3", or "k = 1 to 8" of more than three in a row.
std::string say_k(std::vector<std::size_t> const& all) {
  if (all.empty()) return "no k";
  if (all.size() > 3 && all.back() - all.front() + 1 == all.size())
    return fmt::format("k = {} to {}", all.front(), all.back());
  return fmt::format("k = {}", fmt::join(all, ", "));
}

/// A line of a table: what is found, what the paper says of it, what each model does.
struct table_line {
  std::string finding{};
  std::string paper{};
  std::function<std::string(measurement const&)> here{};
};

/// What retrieval needs: the paper's claims are those of its abstract, and of its limitations for edits in prefill.
void add_requirements(std::vector<table_line>& lines) {
  auto const add = [&](std::string finding, std::string paper, std::string setting, std::string policy = "dense",
                       std::string metric = "exact_match") {
    lines.push_back({std::move(finding), std::move(paper),
                     [=](measurement const& of) { return needles(of, policy, setting, metric); }});
  };
  add("prompt read twice: dense", "", "read=twice");
  add("  none @ generation", "0%", "read=twice", "none @ generation");
  add("  none", "0%", "read=twice", "none");
  add("needle hidden from attention @ generation", "breaks retrieval", "edit=omit_needle, phase=generation");
  add("  @ prefill", "nonsense", "edit=omit_needle, phase=prefill");
  add("  @ prefill: answer less its first word", "", "edit=omit_needle, phase=prefill", "dense",
      "exact_match_after_first");
  add("context only in prefill (needle alone @ generation)", "enough", "edit=only_needle, phase=generation");
  add("context only in generation (needle alone @ prefill)", "enough", "edit=only_needle, phase=prefill");
  add("context in neither (needle alone)", "not enough", "edit=only_needle, phase=both");
}

/// The lines of a table, of models of which the one with the most heads tries k up to `most`.
std::vector<table_line> make_lines(std::size_t most, bool has_gates, std::size_t longest) {
  auto const needle = [](std::string policy) { return [=](measurement const& of) { return needles(of, policy); }; };
  auto const few = [](measurement const& of) { return of.kept_everywhere.front(); };
  auto const fact = [](measurement const& of, std::string const& policy) {
    return share_of(find(of, "facts", policy, "acc"));
  };
  std::vector<table_line> lines{
      {"heads x layers of attention", "",
       [](auto const& of) { return fmt::format("{} x {}", of.heads, of.layers_with_attention); }},
      {"window of attention, tokens", "",
       [](auto const& of) { return of.window ? fmt::format("{}", *of.window) : std::string{"none"}; }},
      {"needles found: dense", "near perfect", needle("dense")},
      {"  none @ generation", "0%", needle("none @ generation")},
      {"  none", "0%", needle("none")}};
  for (std::size_t k = 1; k <= most; ++k)
    lines.push_back({fmt::format("  entropy | top_k({}) @ generation", k),
                     k == 2   ? "near perfect (2 of 10)"
                     : k == 5 ? "near perfect (5 of 32)"
                              : "",
                     needle(choosing("entropy", k, in_generation))});
  if (has_gates)
    for (std::size_t k = 1; k <= 4; ++k)
      lines.push_back(
          {fmt::format("  gate | top_k({}) @ generation", k), "", needle(choosing("gate", k, in_generation))});
  lines.push_back(
      {"fewest heads that find 0.9 of dense: entropy", "15%", [](auto const& of) { return fewest(of, "entropy"); }});
  for (auto const* scorer : {"l2", "random", "gate"})
    if (has_gates || std::string_view{scorer} != "gate")
      lines.push_back({fmt::format("  {}", scorer), "", [=](auto const& of) { return fewest(of, scorer); }});
  lines.push_back({"entropy above random (exact McNemar, Holm, p < 0.05)", "",
                   [](auto const& of) { return say_k(better_at(of, "entropy", "random")); }});
  if (has_gates)
    lines.push_back({"gate above entropy (likewise)", "", [](auto const& of) {
                       return of.has_gates() ? say_k(better_at(of, "gate", "entropy")) : std::string{};
                     }});
  lines.push_back({"K, a third of the heads", "", [=](auto const& of) { return fmt::format("{}", few(of)); }});
  lines.push_back({"prefill sparsified too: entropy | top_k(K)", "",
                   [=](auto const& of) { return needles(of, choosing("entropy", few(of))); }});
  lines.push_back(
      {"  random | top_k(K)", "", [=](auto const& of) { return needles(of, choosing("random", few(of))); }});
  add_requirements(lines);
  lines.push_back({"facts known: dense", "", [=](auto const& of) { return fact(of, "dense"); }});
  lines.push_back({"  none", "", [=](auto const& of) { return fact(of, "none"); }});
  lines.push_back({"  entropy | top_k(K)", "84% of MMLU kept",
                   [=](auto const& of) { return fact(of, choosing("entropy", few(of))); }});
  auto const beyond = [](char const* where) {
    return [=](measurement const& of) {
      return share_of(find(of, fmt::format("needle_beyond_window_{}", where), "dense", "exact_match"));
    };
  };
  lines.push_back({fmt::format("{} tokens, dense: needle in the second half", longest), "", beyond("late")});
  lines.push_back({"  needle at the start (beyond a window of 256)", "", beyond("early")});
  return lines;
}

/// A table of some models, with the paper's numbers beside it where they are of its kinds.
void print_table(std::span<measurement const> models, bool with_paper) {
  std::size_t most = 0;
  bool has_gates = false;
  for (auto const& one : models) {
    most = std::max(most, one.kept.back());
    has_gates = has_gates || one.has_gates();
  }
  auto const print_line = [&](std::string_view finding, std::string_view paper, auto const& here) {
    auto line = fmt::format("{:<53}", finding);
    if (with_paper) line += fmt::format("| {:<23}", paper);
    for (auto const& one : models) line += fmt::format("| {:<21}", here(one));
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  };
  fmt::print("\n");
  print_line("finding [95% interval]", "paper", [](auto const& of) { return of.model; });
  fmt::print("{:-<53}", "");
  for (std::size_t column = 0; column < models.size() + (with_paper ? 1 : 0); ++column)
    fmt::print("+{:-<{}}", "", with_paper && column == 0 ? 24 : 22);
  fmt::print("\n");
  for (auto const& line : make_lines(most, has_gates, models.front().longest))
    print_line(line.finding, line.paper, line.here);
}

/// What the models say to one prompt.
void print_examples(std::span<measurement const> models) {
  fmt::print("\nAsked \"{}\", they say\n", models.front().example.question);
  for (auto const& one : models)
    for (auto const& [policy, words] : one.example.said)
      fmt::print("  {:<22}{:<34}{}\n", policy == one.example.said.front().first ? one.model : "", policy, words);
}

/// Where these models differ from what the paper says, out of what was measured.
void print_differences(std::span<measurement const> models) {
  fmt::print("\nNot the paper's:\n");
  for (auto const& one : models) {
    auto const& dense = *find(one, "facts", "dense", "acc");
    auto const& none = *find(one, "facts", "none", "acc");
    if (none.of.found.ci95->high < 0.9 * dense.of.found.value)
      fmt::print(
          "- {} without attention knows {} of facts, all heads {}: that attention is for retrieval alone is no law of "
          "hybrids.\n",
          one.model, print(none), print(dense));
    if (!one.has_gates()) continue;
    auto const better = better_at(one, "gate", "entropy");
    if (better.empty()) continue;
    auto const shares = [&](std::string const& scorer) {
      std::vector<std::string> all;
      for (auto const k : better)
        all.push_back(fmt::format(
            "{:.2f}", find(one, inside, choosing(scorer, k, in_generation), "exact_match")->of.found.value));
      return fmt::format("{}", fmt::join(all, ", "));
    };
    fmt::print("- {}'s own gates choose better heads than entropy at {}: {} of needles found, by entropy {}.\n",
               one.model, say_k(better), shares("gate"), shares("entropy"));
  }
}

void run_demo(demo_options const& chosen) {
  auto const start = std::chrono::steady_clock::now();
  auto const folder = find_models(chosen.models);
  std::filesystem::path const output = chosen.output;
  if (!std::filesystem::is_directory(output))
    throw headcount::error{chosen.output, "no such folder", "a folder for findings.json and findings.svg"};
  headcount::evaluate::small_language const language{folder / "language.json"};
  std::optional<headcount::evaluate::journal> file;
  if (!chosen.rows.empty()) file.emplace(chosen.rows);

  std::vector<measurement> measured;
  auto findings = nlohmann::ordered_json::array();
  for (auto const* name : hybrids) {
    fmt::print(stderr, "measuring {} ...\n", name);
    measured.push_back(measure(folder / name, language, chosen.plan, file ? &*file : nullptr));
    auto const& one = measured.back();
    for (auto const& row : one.findings) findings.push_back(to_json(row, one.model_identity, chosen.plan.seed));
  }
  auto const newer = std::ranges::find(measured, false, &measurement::in_paper) - measured.begin();
  auto const split = static_cast<std::size_t>(newer);
  fmt::print(
      "Michalak & Abreu, \"Some Attention is All You Need for Retrieval\" (arXiv 2510.19861), on small trained "
      "hybrids.\n"
      "Shares of {} prompts a cell with Wilson intervals; fewest heads with bootstrap intervals; seed {}.\n",
      chosen.plan.prompts, chosen.plan.seed);
  print_table(std::span{measured}.first(split), true);
  fmt::print("\nNewer kinds. What retrieval needs, and prompts beyond 256 tokens: {} prompts a cell.\n",
             measured.back().prompts_of_requirements);
  print_table(std::span{measured}.subspan(split), false);
  print_differences(measured);
  print_examples(measured);

  headcount::reference::write_text(output / "findings.json", headcount::reference::json_text(findings, 1) + "\n");
  fmt::print("\nwrote {}\n", (output / "findings.json").lexically_normal().string());
  if (draw_picture(output / "findings.svg", measured))
    fmt::print("wrote {}\n", (output / "findings.svg").lexically_normal().string());
  else fmt::print("no picture: gnuplot was not found\n");
  auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(stderr, "{:.0f} s\n", seconds);
}

}  // namespace

void add_demo(CLI::App& app) {
  auto* const command = app.add_subcommand(
      "demo", "Show the paper's findings on the small hybrids: tables, findings.json and findings.svg");
  auto const chosen = std::make_shared<demo_options>();
  command->add_option("--models", chosen->models,
                      "folder of the small hybrids and language.json; the shipped ones when left out");
  command->add_option("--output", chosen->output, "folder to write findings.json and findings.svg to")
      ->capture_default_str();
  command->add_option("--rows", chosen->rows,
                      "file for a row of every prompt and policy; those that it holds are not asked for again");
  command->add_option("--seed", chosen->plan.seed, "another seed makes other prompts")->capture_default_str();
  command->add_option("--prompts", chosen->plan.prompts, "prompts a cell")
      ->check(CLI::Range(15, 256))
      ->capture_default_str();
  command->footer("Example:\n  headcount demo --output .");
  command->callback([chosen] { run_demo(*chosen); });
}

}  // namespace tool
