// headcount record: what attention did while prompts were completed, for numpy or for replay(...) in sentences.

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/policy_file/trace_file.hpp>
#include <headcount/record/recorder.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/text/prompt_file.hpp>
#include <headcount/version.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;

struct record_options {
  std::string model;
  std::string prompts;
  std::string policy;
  std::string edit;
  std::size_t max_new_tokens = 0;
  std::string where = "all";
  record::occurrence which = record::occurrence::all;
  record::row_form rows = record::row_form::none;
  std::size_t megabytes = 1024;
  std::string output;
};

scope read_where(std::string const& text) {
  auto const sentence = "@" + text;
  sentence_reader reader{"--where", sentence};
  auto const where = read_scope(reader);
  if (!reader.at_end())
    reader.fail(reader.position(), text_of("not understood: ", reader.found(reader.position())), "the end");
  return where;
}

/// Completes one prompt as `headcount generate` does, watched.
void complete(evaluate::any_model const& model, std::span<token const> prompt, std::size_t row,
              std::span<token const> stop, record_options const& chosen, std::span<any_edit const> edits,
              any_policy const& policy, evaluate::observer const& watch) {
  auto state = model.start();
  token next = 0;
  auto const read = [&](std::span<token const> tokens, phase when) {
    evaluate::step<evaluate::any_model::state> const step{
        .tokens = tokens, .state = &state, .sequence_id = row, .edits = edits};
    model.run(
        std::span{&step, 1}, {.phase = when}, policy,
        [&](std::size_t, std::size_t, std::span<float const> logits) { next = evaluate::best_token(logits); }, watch);
  };
  read(prompt, phase::prefill);
  for (std::size_t said = 1; said < chosen.max_new_tokens && std::ranges::find(stop, next) == stop.end(); ++said) {
    auto const last = next;
    read(std::span{&last, 1}, phase::generation);
  }
}

void write_record(record_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const edits = read_edits(chosen.edit);
  auto const where = read_where(chosen.where);
  auto const loaded = load_model(chosen.model);
  validate(where, loaded.model.layers());
  require_fit(std::span{&policy, 1}, loaded);
  auto const prompts = reference::read_prompt_file(chosen.prompts, loaded.reader);
  record::recorder recorder{
      {.where = where, .which = chosen.which, .rows = chosen.rows, .most_bytes = chosen.megabytes << 20}};
  auto const model = loaded.model;
  auto const watch = evaluate::as_observer(recorder);
  for (std::size_t row = 0; row < prompts.size(); ++row)
    complete(model, prompts[row], row, loaded.end, chosen, edits, policy, watch);
  auto const result = recorder.result();
  reference::write_recording(chosen.output, result,
                             {{"model", loaded.name},
                              {"model_identity", loaded.identity()},
                              {"policy", print(policy)},
                              {"policy_identity", policy_identity(policy)},
                              {"edit", chosen.edit},
                              {"data", chosen.prompts},
                              {"data_identity", digest_of_file(chosen.prompts)},
                              {"version", version}});
  fmt::print("{} sites of {} sequences\n", result.sites.size(), prompts.size());
  if (result.left_out > 0)
    fmt::print(stderr, "{} sites found no room and were left out: raise --megabytes, or record fewer\n",
               result.left_out);
}

template <class Value>
std::map<std::string, Value> words() {
  std::map<std::string, Value> all;
  for (std::size_t i = 0; i < words_of<Value>.size(); ++i)
    all.emplace(std::string{words_of<Value>[i]}, static_cast<Value>(i));
  return all;
}

}  // namespace

void add_record(CLI::App& app) {
  auto* const command = app.add_subcommand("record", "Record kept heads, scores and attention rows of a run");
  auto const chosen = std::make_shared<record_options>();
  command->add_option("--model", chosen->model, "model folder, or a GGUF file")->required();
  command->add_option("--prompts", chosen->prompts, R"(JSON file, {"prompts": [[1, 2, ...] or "text", ...]})")
      ->required();
  command->add_option("--policy", chosen->policy, "sentence, e.g. \"entropy | top_k(5) @ generation\", or dense")
      ->required();
  command->add_option("--edit", chosen->edit, "weight edits joined by \";\", e.g. \"omit(3-5) @ generation\"");
  command->add_option("--max-new-tokens", chosen->max_new_tokens, "tokens of a completion at most")
      ->required()
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--where", chosen->where,
                   "what is recorded, as a sentence's scope says it: all, prefill, \"generation, layers=2,5\"")
      ->capture_default_str();
  command->add_option("--sites", chosen->which, "of each sequence and layer: first, last, all; all when left out")
      ->transform(CLI::CheckedTransformer(words<record::occurrence>()));
  command->add_option("--rows", chosen->rows, "attention rows: none, before or after edits; none when left out")
      ->transform(CLI::CheckedTransformer(words<record::row_form>()));
  command->add_option("--megabytes", chosen->megabytes, "memory that the record may take")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--output", chosen->output, "safetensors file to write")->required();
  command->footer(
      "Example:\n  headcount record --model examples/models/tiny-jamba --prompts prompts.json --max-new-tokens 12 "
      "--policy \"entropy | top_k(5) @ generation\" --output T.safetensors\n"
      "  headcount generate --model examples/models/tiny-jamba --prompts prompts.json --max-new-tokens 12 --policy "
      "\"replay(T.safetensors) | threshold(0.5) @ generation\"");
  command->callback([chosen] { write_record(*chosen); });
}

}  // namespace tool
