// headcount loglik: the log-likelihood of answers after prompts, as multiple-choice benchmarks score them.

#include <algorithm>
#include <cctype>
#include <cmath>
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
#include <headcount/measure/likelihood.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/text/pair_texts.hpp>
#include <headcount/text/prompt_file.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;

struct loglik_options {
  std::string model;
  std::string items;
  std::string policy;
};

/// Pairs a text with a choice: one space between them unless there is white space already.
evaluate::text_pair pair_with_space(evaluate::any_tokenizer const& tokenizer, std::string const& prompt,
                                    std::string choice) {
  auto const is_space = [](char sign) { return std::isspace(static_cast<unsigned char>(sign)) != 0; };
  bool const spaced = (!prompt.empty() && is_space(prompt.back())) || (!choice.empty() && is_space(choice.front()));
  if (!spaced && !choice.empty()) choice.insert(0, " ");
  return evaluate::pair_texts(tokenizer, prompt, std::move(choice));
}

evaluate::text_pair read_pairing(nlohmann::json const& prompt, nlohmann::json const& choice, loaded_model const& loaded,
                                 std::string const& prompt_name, std::string const& choice_name) {
  evaluate::text_pair pair;
  if (prompt.is_string() && choice.is_string()) {
    pair = pair_with_space(reference::tokenizer_of(loaded.reader, prompt_name), prompt.get<std::string>(),
                           choice.get<std::string>());
    validate(pair.prompt, loaded.reader.vocabulary, prompt_name);
    validate(pair.continuation, loaded.reader.vocabulary, choice_name);
  } else {
    pair.prompt = reference::read_text(prompt, loaded.reader, prompt_name);
    pair.continuation = reference::read_text(choice, loaded.reader, choice_name, reference::text_place::continuation);
  }
  if (pair.prompt.empty()) throw error{prompt_name, "it has no token", "one token or more"};
  if (pair.continuation.empty()) throw error{choice_name, "it has no token", "one token or more"};
  return pair;
}

void print_likelihoods(loglik_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const loaded = load_model(chosen.model);
  require_fit(std::span{&policy, 1}, loaded);
  auto const* const form = R"({"items": [{"prompt": ids or text, "choices": [ids or text, ...]}]})";
  auto results = nlohmann::ordered_json::array();
  auto const items = reference::read_list(chosen.items, "items", form);
  // An item's choices that follow the same prompt tokens are one question.
  std::vector<evaluate::loglikelihood_request> questions;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> choices_of(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const what = text_of(chosen.items, ", items[", i, "]");
    auto const& item = items[i];
    if (!item.is_object() || !item.contains("prompt") || !item.contains("choices") || !item["choices"].is_array() ||
        item["choices"].empty())
      throw error{what, "it has no prompt, or no choices", R"({"prompt": ids or text, "choices": [ids or text, ...]})"};
    for (std::size_t choice = 0; choice < item["choices"].size(); ++choice) {
      auto pair = read_pairing(item["prompt"], item["choices"][choice], loaded, what + ".prompt",
                               text_of(what, ".choices[", choice, "]"));
      if (choice == 0 || questions.back().prompt.tokens != pair.prompt)
        questions.push_back({.prompt = {.tokens = std::move(pair.prompt), .sequence_id = i}});
      choices_of[i].emplace_back(questions.size() - 1, questions.back().continuations.size());
      questions.back().continuations.push_back(std::move(pair.continuation));
    }
  }
  std::size_t without_best = 0;
  evaluate::work done;
  auto const values = evaluate::likelihoods(loaded.model, questions, std::span{&policy, 1}, done).front();
  for (auto const& choices : choices_of) {
    std::vector<double> nats;
    for (auto const& [question, choice] : choices) nats.push_back(values[question][choice].nats);
    auto const finite = std::ranges::all_of(nats, [](double one) { return std::isfinite(one); });
    results.push_back({{"loglik", nats}, {"best", nullptr}});
    if (finite) results.back()["best"] = std::ranges::max_element(nats) - nats.begin();
    else ++without_best;
  }
  fmt::print("{}\n", headcount::reference::json_text(nlohmann::ordered_json{{"items", results}}, 2));
  if (without_best > 0)
    fmt::print(stderr, "warning: {} of {} items have a log-likelihood that is not finite, and no best choice\n",
               without_best, results.size());
}

}  // namespace

void add_loglik(CLI::App& app) {
  auto* const command =
      app.add_subcommand("loglik", "Compute how likely answers are after prompts, in nats, under a policy");
  auto const chosen = std::make_shared<loglik_options>();
  command->add_option("--model", chosen->model, "model folder, or a GGUF file")->required();
  command
      ->add_option("--items", chosen->items,
                   R"(JSON file, {"items": [{"prompt": ids or text, "choices": [ids or text, ...]}]})")
      ->required();
  command
      ->add_option("--policy", chosen->policy,
                   "sentence, e.g. \"entropy | top_k(5)\"; prompt and choice count as prefill")
      ->required();
  command->footer(
      "Two texts are joined by one space unless there is white space between them already.\nThe first of equally "
      "likely choices is best.\n\n"
      "Example:\n  headcount loglik --model examples/models/tiny-jamba --items items.json --policy none");
  command->callback([chosen] { print_likelihoods(*chosen); });
}

}  // namespace tool
