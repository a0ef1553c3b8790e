// headcount prove-off: whether dropped heads are off, and kept ones on, in the engine that runs a model.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/measure/prove_off.hpp>
#include <headcount/text/prompt_file.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;

struct prove_off_options {
  std::string model;
  std::string policy;
  std::string prompts;
  std::size_t tokens = 32;
  std::size_t generated = 4;
  std::size_t heads = 64;
  std::uint64_t seed = 1;
};

/// The prompts of the file, or one of tokens drawn from the whole vocabulary.
std::vector<std::vector<token>> texts_of(prove_off_options const& chosen, loaded_model const& loaded) {
  if (!chosen.prompts.empty()) return reference::read_prompt_file(chosen.prompts, loaded.reader);
  random_stream random{chosen.seed};
  std::vector<token> drawn;
  for (std::size_t i = 0; i < chosen.tokens; ++i)
    drawn.push_back(static_cast<token>(random.below(loaded.reader.vocabulary)));
  return {drawn};
}

std::string name_of(evaluate::head_change const& one) { return text_of("layer ", one.layer, " head ", one.head); }

/// Prints what was found for one text; says what is wrong, or nothing.
std::string print_proof(evaluate::off_proof const& proof, std::size_t tokens) {
  fmt::print("{} tokens: {} heads of tokens dropped; changing what they hold changes a logit by at most {:.3g}\n",
             tokens, proof.dropped, proof.change);
  std::string wrong, silent;
  for (auto const& one : proof.leaks)
    add_to_list(wrong, text_of(name_of(one), " (", fmt::format("{:.3g}", one.change), ")"));
  double least = 0;
  for (auto const& one : proof.kept) {
    if (!(one.change > 0)) add_to_list(silent, name_of(one));
    least = least == 0 || one.change < least ? one.change : least;
  }
  fmt::print("{} kept heads changed one by one: each changes a logit by {:.3g} or more\n", proof.kept.size(), least);
  if (proof.change > 0) return text_of("dropped heads are not off: ", wrong.empty() ? "together, none alone" : wrong);
  return silent.empty() ? silent : text_of("kept heads change nothing: ", silent);
}

void prove(prove_off_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const loaded = load_model(chosen.model);
  require_fit(std::span{&policy, 1}, loaded);
  std::string wrong;
  for (auto const& tokens : texts_of(chosen, loaded)) {
    auto const prefill = tokens.size() - (tokens.size() > chosen.generated ? chosen.generated : tokens.size() - 1);
    auto const found =
        print_proof(evaluate::prove_off(loaded.model, policy, tokens, prefill, chosen.heads), tokens.size());
    if (!found.empty()) add_to_list(wrong, found, "; ");
  }
  if (!wrong.empty()) throw std::runtime_error{text_of(loaded.name, ": ", wrong)};
}

}  // namespace

void add_prove_off(CLI::App& app) {
  auto* const command = app.add_subcommand(
      "prove-off", "Prove that what dropped heads hold changes no logit, and what kept ones hold does");
  auto const chosen = std::make_shared<prove_off_options>();
  command->add_option("--model", chosen->model, "model folder, or a GGUF file")->required();
  command->add_option("--policy", chosen->policy, "sentence, e.g. \"entropy | top_k(5) @ generation\"")->required();
  command->add_option(
      "--prompts", chosen->prompts,
      R"(JSON file, {"prompts": [[1, 2, ...] or "text", ...]}; one of tokens that are drawn when left out)");
  command->add_option("--tokens", chosen->tokens, "tokens that are drawn")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  command->add_option("--seed", chosen->seed, "another seed draws others")->capture_default_str();
  command
      ->add_option("--generated", chosen->generated, "last tokens of a prompt, read one by one as generated ones are")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  command->add_option("--heads", chosen->heads, "kept heads that are changed, at most, evenly spread")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  command->footer(
      "Exit code 1 when a dropped head changes a logit, or a kept one none.\n"
      "Example:\n  headcount prove-off --model examples/models/tiny-jamba --policy \"entropy | top_k(5) @ "
      "generation\"");
  command->callback([chosen] { prove(*chosen); });
}

}  // namespace tool
