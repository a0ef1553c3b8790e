// headcount logits: the logits of given tokens under a policy, as an engine or a test would compare them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/text/prompt_file.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;

struct logits_options {
  std::string model;
  std::string tokens;
  std::string policy;
  std::string edit;
  std::optional<std::size_t> prefill;
  std::string output;
};

void write_logits(logits_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const edits = read_edits(chosen.edit);
  auto const loaded = load_model(chosen.model);
  require_fit(std::span{&policy, 1}, loaded);
  std::vector<std::vector<token>> rows;
  std::size_t longest = 0;
  for (auto const& list : reference::read_list(chosen.tokens, "input_ids", R"({"input_ids": [[1, 2, ...], ...]})")) {
    auto const what = text_of(chosen.tokens, ", input_ids[", rows.size(), "]");
    if (!list.is_array()) throw error{what, text_of(list.dump(), " is no list"), "a list of token ids"};
    rows.push_back(reference::read_tokens(list, loaded.reader.vocabulary, what));
    longest = std::max(longest, rows.back().size());
  }
  if (chosen.prefill && *chosen.prefill > longest)
    throw error{text_of("--prefill ", *chosen.prefill), text_of("the longest row has ", longest, " tokens"),
                text_of("0 to ", longest)};

  auto const vocabulary = loaded.reader.vocabulary;
  std::vector<float> logits(rows.size() * longest * vocabulary);
  auto const model = loaded.model;
  std::vector<evaluate::any_model::state> states(rows.size(), model.start());
  // Runs tokens [begin, end) of every row that has some of them, in one pass.
  auto const run = [&](std::size_t begin, std::size_t end, phase when) {
    std::vector<evaluate::step<evaluate::any_model::state>> steps;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (begin >= std::min(end, rows[row].size())) continue;
      auto const count = std::min(end, rows[row].size()) - begin;
      steps.push_back({std::span{rows[row]}.subspan(begin, count), &states[row], row, edits});
    }
    if (steps.empty()) return;
    model.run(steps, {.phase = when, .every_token = true}, policy,
              [&](std::size_t i, std::size_t t, std::span<float const> of_token) {
                std::ranges::copy(of_token, logits.data() + (steps[i].sequence_id * longest + begin + t) * vocabulary);
              });
  };
  auto const prefilled = chosen.prefill.value_or(longest);
  run(0, prefilled, phase::prefill);
  for (auto at = prefilled; at < longest; ++at) run(at, at + 1, phase::generation);

  std::vector<std::int64_t> lengths;
  for (auto const& row : rows) lengths.push_back(static_cast<std::int64_t>(row.size()));
  std::vector<reference::tensor_to_write> const results{
      reference::to_write("lengths", lengths, {rows.size()}),
      reference::to_write("logits", logits, {rows.size(), longest, vocabulary})};
  reference::write_safetensors(chosen.output, results);
}

}  // namespace

void add_logits(CLI::App& app) {
  auto* const command = app.add_subcommand("logits", "Compute the logits of given tokens under a policy");
  auto const chosen = std::make_shared<logits_options>();
  command->add_option("--model", chosen->model, "model folder, or a GGUF file")->required();
  command
      ->add_option("--tokens", chosen->tokens,
                   R"(JSON file, {"input_ids": [[1, 2, ...], ...]}; rows may differ in length)")
      ->required();
  command->add_option("--policy", chosen->policy, "sentence, e.g. \"entropy | top_k(5) @ generation\", or dense")
      ->required();
  command->add_option("--edit", chosen->edit, "weight edits joined by \";\", e.g. \"omit(3-5) @ generation\"");
  command->add_option(
      "--prefill", chosen->prefill,
      "tokens of each row that make one prefill pass, the rest being generated one at a time; all when left out");
  command
      ->add_option("--output", chosen->output,
                   "safetensors file to write: float32 \"logits\" [batch, tokens, vocab], 0 after a row's end, and "
                   "int64 \"lengths\" [batch]")
      ->required();
  command->footer(
      "Example:\n  headcount logits --model examples/models/tiny-jamba --tokens tokens.json --policy \"none @ "
      "generation\" --prefill 8 --output logits.safetensors");
  command->callback([chosen] { write_logits(*chosen); });
}

}  // namespace tool
