// headcount budget: the sentence that keeps so many heads of the whole model at run time, on average.

#include <cstddef>
#include <memory>
#include <string>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/keep_frequency.hpp>
#include <headcount/ranking/runtime_budget.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;

struct budget_options {
  calibration_choice calibration;
  std::string scorer;
  std::size_t heads = 0;
};

void print_sentence(budget_options const& chosen) {
  auto const scorer = read_scorer(chosen.scorer);
  auto const loaded = load_model(chosen.calibration.model);
  auto const texts = read_texts(chosen.calibration, loaded);
  auto const engine = loaded.model;
  auto const threshold = evaluate::threshold_of_budget(engine, texts, scorer, chosen.heads);
  auto const policy = any_policy{scorer, select::threshold{threshold}}.during(phase::generation);
  double kept = 0;
  for (auto const& layer : evaluate::keep_frequency(engine, texts, policy))
    for (auto const share : layer) kept += share;
  fmt::print("{}\n", print(policy));
  fmt::print(stderr, "{:.2f} heads are kept at a token of {} under it\n", kept, data_name(chosen.calibration));
}

}  // namespace

void add_budget(CLI::App& app) {
  auto* const command =
      app.add_subcommand("budget", "Say which sentence keeps so many heads of the whole model at run time, on average");
  auto const chosen = std::make_shared<budget_options>();
  add_calibration_options(*command, chosen->calibration);
  command
      ->add_option("--scorer", chosen->scorer, "scorer whose scores compare over layers, e.g. entropy(normalised=true)")
      ->required();
  command->add_option("--heads", chosen->heads, "heads of the whole model to keep at a token")
      ->required()
      ->check(CLI::PositiveNumber);
  command->footer(
      "Example:\n  headcount budget --model examples/models/tiny-jamba --scorer \"entropy(normalised=true)\" --heads "
      "8");
  command->callback([chosen] { print_sentence(*chosen); });
}

}  // namespace tool
