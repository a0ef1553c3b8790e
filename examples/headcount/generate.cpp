// headcount generate: greedy completions of prompts under a policy.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/text/prompt_file.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;

struct generate_options {
  std::string model;
  std::string prompts;
  std::string policy;
  std::string edit;
  std::size_t max_new_tokens = 0;
};

void print_completions(generate_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const edits = read_edits(chosen.edit);
  auto const loaded = load_model(chosen.model);
  require_fit(std::span{&policy, 1}, loaded);
  auto prompts = reference::read_prompt_file(chosen.prompts, loaded.reader);

  std::vector<evaluate::generation_request> requests;
  for (auto& tokens : prompts)
    requests.push_back({.prompt = {.tokens = std::move(tokens), .sequence_id = requests.size(), .edits = edits},
                        .max_new_tokens = chosen.max_new_tokens,
                        .stop = loaded.end});
  std::vector<evaluate::completion> said(requests.size());
  auto const model = loaded.model;
  evaluate::work done;
  evaluate::for_each_part(model, std::span<evaluate::generation_request const>{requests},
                          [&](std::span<evaluate::generation_request const> mine, std::size_t first) {
                            evaluate::complete(model, mine, std::span{&policy, 1}, done,
                                               [&](std::size_t, std::size_t i, evaluate::completion&& one) {
                                                 said[first + i] = std::move(one);
                                               });
                          });

  auto completions = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < said.size(); ++i) {
    auto const& tokens = said[i].tokens;
    if (!said[i].finite)
      fmt::print(stderr, "warning: prompt {}: logits are not finite, so that some of its tokens are nobody's choice\n",
                 i + 1);
    nlohmann::ordered_json completion{{"token_ids", tokens}, {"text", nullptr}};
    if (loaded.reader.tokenizer) completion["text"] = loaded.reader.tokenizer->decode(tokens);
    completions.push_back(std::move(completion));
  }
  nlohmann::ordered_json const result{{"completions", completions}};
  fmt::print("{}\n", headcount::reference::json_text(result, 2));
}

}  // namespace

void add_generate(CLI::App& app) {
  auto* const command = app.add_subcommand("generate", "Complete prompts greedily under a policy");
  auto const chosen = std::make_shared<generate_options>();
  command->add_option("--model", chosen->model, "model folder, or a GGUF file")->required();
  command->add_option("--prompts", chosen->prompts, R"(JSON file, {"prompts": [[1, 2, ...] or "text", ...]})")
      ->required();
  command->add_option("--policy", chosen->policy, "sentence, e.g. \"entropy | top_k(5) @ generation\", or dense")
      ->required();
  command->add_option("--edit", chosen->edit, "weight edits joined by \";\", e.g. \"omit(3-5) @ generation\"");
  command
      ->add_option("--max-new-tokens", chosen->max_new_tokens,
                   "tokens of a completion at most; it ends after an end-of-sequence token")
      ->required()
      ->check(CLI::PositiveNumber);
  command->footer(
      "Example:\n  headcount generate --model examples/models/tiny-jamba --prompts prompts.json --policy dense "
      "--max-new-tokens 12");
  command->callback([chosen] { print_completions(*chosen); });
}

}  // namespace tool
