// headcount demo: the paper's findings on the two small hybrids, as a table, a file and a picture.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/task/language/small_language.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "finding.hpp"
#include "measure.hpp"
#include "picture.hpp"

namespace tool {
namespace {

struct demo_options {
  std::string models;
  std::string output = ".";
  demo_plan plan;
};

/// Where the small hybrids are: where the user says, else in the sources, else where they were installed.
std::filesystem::path find_models(std::string const& chosen) {
  for (std::filesystem::path const folder : {chosen.c_str(), HEADCOUNT_SOURCE_MODELS, HEADCOUNT_INSTALLED_MODELS}) {
    if (std::filesystem::exists(folder / "language.json")) return folder;
    if (!chosen.empty()) break;
  }
  throw headcount::error{chosen.empty() ? "the small hybrids" : chosen, "not found",
                         "a folder with language.json, tiny-recurrent-gemma and tiny-jamba"};
}

/// One line of the table.
void print_line(std::string_view finding, std::string_view paper, std::string_view here) {
  fmt::print("{:<54}| {:<24}| {}\n", finding, paper, here);
}

finding const& find(measurement const& of, std::string const& task, std::string const& policy,
                    std::string const& metric, std::string const& setting = "") {
  for (auto const& row : of.findings)
    if (row.task == task && row.setting == setting && row.policy == policy && row.metric == metric) return row;
  throw std::logic_error{"no finding of " + task + ", " + setting + ", " + policy + ", " + metric};
}

/// The numbers of heads at which entropy finds significantly more needles than random.
std::string significant(measurement const& of) {
  std::vector<std::size_t> found;
  for (auto const k : of.kept) {
    auto const& row =
        find(of, "needle_inside_window", fmt::format("entropy | top_k({}) @ generation", k), "difference_from_random");
    if (row.value > 0 && row.more["p"].get<double>() < 0.05) found.push_back(k);
  }
  return found.empty() ? "at no k" : fmt::format("at k = {}", fmt::join(found, ", "));
}

/// The paper's number for a number of heads kept, where it gives one.
std::string_view published(std::size_t k, std::size_t heads) {
  if (heads == 10 && k == 2) return "near perfect (2 of 10)";
  if (heads == 16 && k == 5) return "near perfect (5 of 32)";
  return "";
}

/// What retrieval needs: the paper's claims are those of its abstract, and of its limitations for edits in prefill.
void print_requirements(measurement const& of) {
  auto const line = [&](std::string_view finding, std::string_view paper, std::string const& setting,
                        std::string const& policy = "dense", std::string const& metric = "exact_match") {
    print_line(finding, paper, print(find(of, "needle_inside_window", policy, metric, setting)));
  };
  line("prompt read twice: dense", "", "read=twice");
  line("  none @ generation", "0%", "read=twice", "none @ generation");
  line("  none", "0%", "read=twice", "none");
  line("needle hidden from attention @ generation", "breaks retrieval", "edit=omit_needle, phase=generation");
  line("  @ prefill", "nonsense", "edit=omit_needle, phase=prefill");
  line("  @ prefill: answer less its first word", "", "edit=omit_needle, phase=prefill", "dense",
       "exact_match_after_first");
  line("context only in prefill (needle alone @ generation)", "enough", "edit=only_needle, phase=generation");
  line("context only in generation (needle alone @ prefill)", "enough", "edit=only_needle, phase=prefill");
  line("context in neither (needle alone)", "not enough", "edit=only_needle, phase=both");
}

void print_table(measurement const& of) {
  auto const needle = [&](std::string const& policy) {
    return print(find(of, "needle_inside_window", policy, "exact_match"));
  };
  auto const fact = [&](std::string const& policy) { return print(find(of, "facts", policy, "accuracy")); };
  auto const beyond = [&](std::string const& task) { return print(find(of, task, "dense", "exact_match")); };
  auto const smallest = [&](std::string const& scorer) {
    auto const& row =
        find(of, "needle_inside_window", scorer + " | top_k(k) @ generation", "smallest_k_with_0.9_of_dense");
    return fmt::format("{:.0f} of {} [{:.0f}, {:.0f}]", row.value, of.heads, row.ci95.low, row.ci95.high);
  };
  auto const few = of.kept_everywhere.front();
  fmt::print("\n{}: {} heads in each of {} attention layers, {}\n", of.model, of.heads, of.layers_with_attention,
             of.window ? fmt::format("window of {} tokens", *of.window) : "no window");
  print_line("finding", "paper", "here [95% interval]");
  fmt::print("{:-<54}+-{:-<24}+-{:-<24}\n", "", "", "");
  print_line("needles found: dense", "near perfect", needle("dense"));
  print_line("  none @ generation", "0%", needle("none @ generation"));
  print_line("  none", "0%", needle("none"));
  for (auto const k : of.kept)
    print_line(fmt::format("  entropy | top_k({}) @ generation", k), published(k, of.heads),
               needle(fmt::format("entropy | top_k({}) @ generation", k)));
  print_line("fewest heads that find 0.9 of dense: entropy", "15%", smallest("entropy"));
  print_line("  l2", "", smallest("l2"));
  print_line("  random", "", smallest("random"));
  print_line("entropy above random (exact McNemar, Holm, p < 0.05)", "", significant(of));
  print_line(fmt::format("prefill sparsified too: entropy | top_k({})", few), "",
             needle(fmt::format("entropy | top_k({})", few)));
  print_line(fmt::format("  random | top_k({})", few), "", needle(fmt::format("random | top_k({})", few)));
  print_requirements(of);
  print_line("facts known: dense", "", fact("dense"));
  print_line("  none", "", fact("none"));
  print_line(fmt::format("  entropy | top_k({})", few), "84% of MMLU kept",
             fact(fmt::format("entropy | top_k({})", few)));
  print_line(fmt::format("{} tokens, dense: needle in the second half", of.longest), "",
             beyond("needle_beyond_window_late"));
  print_line(fmt::format("  needle {}", of.window ? "at the start, out of the window" : "at the start"), "",
             beyond("needle_beyond_window_early"));
  fmt::print("\nAsked \"{}\", the model says\n", of.example.question);
  for (auto const& [policy, words] : of.example.said) fmt::print("  {:<34}{}\n", policy, words);
}

void run_demo(demo_options const& chosen) {
  auto const start = std::chrono::steady_clock::now();
  auto const folder = find_models(chosen.models);
  std::filesystem::path const output = chosen.output;
  if (!std::filesystem::is_directory(output))
    throw headcount::error{chosen.output, "no such folder", "a folder for findings.json and findings.svg"};
  headcount::evaluate::small_language const language{folder / "language.json"};

  std::vector<measurement> measured;
  auto rows = nlohmann::ordered_json::array();
  for (auto const* name : {"tiny-recurrent-gemma", "tiny-jamba"}) {
    fmt::print(stderr, "measuring {} ...\n", name);
    measured.push_back(measure(load_model(folder / name), language, chosen.plan));
    for (auto const& row : measured.back().findings) rows.push_back(to_json(row));
  }
  fmt::print(
      "Michalak & Abreu, \"Some Attention is All You Need for Retrieval\" (arXiv 2510.19861), on two small trained "
      "hybrids.\n"
      "Shares of {} prompts a cell with Wilson intervals; fewest heads with bootstrap intervals; seed {}.\n",
      measured.front().findings.front().n, chosen.plan.seed);
  for (auto const& one : measured) print_table(one);

  headcount::reference::write_text(output / "findings.json", rows.dump(1) + "\n");
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
      "demo", "Show the paper's findings on the two small hybrids: a table, findings.json and findings.svg");
  auto const chosen = std::make_shared<demo_options>();
  command->add_option("--models", chosen->models,
                      "folder of the small hybrids and language.json; the shipped ones when left out");
  command->add_option("--output", chosen->output, "folder to write findings.json and findings.svg to")
      ->capture_default_str();
  command->add_option("--seed", chosen->plan.seed, "another seed makes other prompts")->capture_default_str();
  command->add_option("--prompts", chosen->plan.prompts, "prompts a cell")
      ->check(CLI::Range(15, 256))
      ->capture_default_str();
  command->footer("Example:\n  headcount demo --output .");
  command->callback([chosen] { run_demo(*chosen); });
}

}  // namespace tool
