// headcount loglik: the log-likelihood of answers after prompts, as multiple-choice benchmarks score them.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/reference/load/snapshot.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/parallel.hpp>

#include "commands.hpp"
#include "inputs.hpp"

namespace tool {
namespace {

using namespace headcount;

struct options {
  std::string model;
  std::string items;
  std::string policy;
};

/// Prompt and choice as tokens.
struct pairing {
  std::vector<token> prompt;
  std::vector<token> choice;
};

/// Pairs a text with a choice as lm-evaluation-harness does: one space between them unless there is white space
/// already, white space at the prompt's end counted to the choice, both encoded together and split where the prompt
/// alone ends.
pairing pair_texts(reference::tokenizer const& tokenizer, std::string prompt, std::string choice) {
  auto const is_space = [](char sign) { return std::isspace(static_cast<unsigned char>(sign)) != 0; };
  std::string between;
  while (!prompt.empty() && is_space(prompt.back())) {
    between.insert(between.begin(), prompt.back());
    prompt.pop_back();
  }
  if (between.empty() && !choice.empty() && !is_space(choice.front())) between = " ";
  auto whole = encode_with_bos(tokenizer, prompt + between + choice);
  auto const split = std::min(encode_with_bos(tokenizer, prompt).size(), whole.size());
  pairing pair;
  pair.prompt.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(split));
  pair.choice.assign(whole.begin() + static_cast<std::ptrdiff_t>(split), whole.end());
  return pair;
}

pairing read_pairing(nlohmann::json const& prompt, nlohmann::json const& choice, reference::snapshot const& snapshot,
                     std::string const& prompt_name, std::string const& choice_name) {
  pairing pair;
  if (prompt.is_string() && choice.is_string()) {
    pair = pair_texts(tokenizer_of(snapshot, prompt_name), prompt.get<std::string>(), choice.get<std::string>());
    reference::validate(pair.prompt, snapshot.model, prompt_name);
    reference::validate(pair.choice, snapshot.model, choice_name);
  } else {
    pair.prompt = read_prompt(prompt, snapshot, prompt_name);
    if (choice.is_string()) pair.choice = tokenizer_of(snapshot, choice_name).encode(choice.get<std::string>());
    else if (choice.is_array()) pair.choice = read_tokens(choice, snapshot.model, choice_name);
    else throw error{choice_name, text_of(choice.dump(), " is no choice"), "a list of token ids, or a text"};
  }
  if (pair.prompt.empty()) throw error{prompt_name, "it has no token", "one token or more"};
  if (pair.choice.empty()) throw error{choice_name, "it has no token", "one token or more"};
  return pair;
}

/// ln of the probability of `next` under `logits`.
double log_probability(std::span<float const> logits, token next) {
  auto const largest = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (double const logit : logits) sum += std::exp(logit - largest);
  return static_cast<double>(logits[static_cast<std::size_t>(next)]) - largest - std::log(sum);
}

/// A prompt that was prefilled, so that several choices can continue it.
struct prefilled {
  reference::state state;
  reference::matrix logits;  ///< of the token after the prompt
};

/// Runs tokens in a prefill pass.
reference::matrix run(reference::model const& model, std::span<token const> tokens, reference::state& state,
                      std::size_t row, any_policy const& policy) {
  reference::step const step{.tokens = tokens, .state = &state, .row = row};
  return forward(model, std::span{&step, 1}, {.phase = phase::prefill, .logits_of = reference::wanted::all_tokens},
                 policy);
}

/// The log-likelihood of a choice after its prompt; both count as one prefill pass.
double log_likelihood(reference::model const& model, prefilled const& prompt, std::span<token const> choice,
                      std::size_t row, any_policy const& policy) {
  auto sum = log_probability(reference::row_of(prompt.logits, 0), choice.front());
  if (choice.size() == 1) return sum;
  auto state = prompt.state;
  auto const logits = run(model, choice.first(choice.size() - 1), state, row, policy);
  for (std::size_t i = 1; i < choice.size(); ++i) sum += log_probability(reference::row_of(logits, i - 1), choice[i]);
  return sum;
}

/// The log-likelihoods of an item's choices. Choices that follow the same prompt tokens share its prefill.
std::vector<double> log_likelihoods(reference::model const& model, std::span<pairing const> pairs, std::size_t row,
                                    any_policy const& policy) {
  std::map<std::vector<token>, prefilled> prompts;
  std::vector<double> values;
  for (auto const& pair : pairs) {
    auto [found, is_new] = prompts.try_emplace(pair.prompt);
    if (is_new) {
      found->second.state = model.empty_state();
      found->second.logits = run(model, pair.prompt, found->second.state, row, policy).bottomRows(1).eval();
    }
    values.push_back(log_likelihood(model, found->second, pair.choice, row, policy));
  }
  return values;
}

void print_likelihoods(options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const snapshot = reference::load_snapshot(chosen.model);
  auto const* const form = R"({"items": [{"prompt": ids or text, "choices": [ids or text, ...]}]})";
  auto results = nlohmann::ordered_json::array();
  auto const items = read_list(chosen.items, "items", form);
  std::vector<std::vector<pairing>> pairs(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const what = text_of(chosen.items, ", items[", i, "]");
    auto const& item = items[i];
    if (!item.is_object() || !item.contains("prompt") || !item.contains("choices") || !item["choices"].is_array() ||
        item["choices"].empty())
      throw error{what, "it has no prompt, or no choices", R"({"prompt": ids or text, "choices": [ids or text, ...]})"};
    for (std::size_t choice = 0; choice < item["choices"].size(); ++choice)
      pairs[i].push_back(read_pairing(item["prompt"], item["choices"][choice], snapshot, what + ".prompt",
                                      text_of(what, ".choices[", choice, "]")));
  }
  std::vector<std::vector<double>> values(items.size());
  reference::for_each_index(items.size(),
                            [&](std::size_t i) { values[i] = log_likelihoods(snapshot.model, pairs[i], i, policy); });
  for (auto const& item : values)
    results.push_back({{"loglik", item}, {"best", std::ranges::max_element(item) - item.begin()}});
  fmt::print("{}\n", nlohmann::ordered_json{{"items", results}}.dump(2));
}

}  // namespace

void add_loglik(CLI::App& app) {
  auto* const command =
      app.add_subcommand("loglik", "Compute how likely answers are after prompts, in nats, under a policy");
  auto const chosen = std::make_shared<options>();
  command->add_option("--model", chosen->model, "model folder")->required();
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
