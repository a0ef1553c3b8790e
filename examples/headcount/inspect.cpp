// headcount inspect: what a model folder or a GGUF file holds.

#include <map>
#include <memory>
#include <string>
#include <variant>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <headcount/file/json_file.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/reference/model/model.hpp>

#include "commands.hpp"
#include "engine.hpp"

namespace tool {
namespace {

using namespace headcount::reference;

/// What a model folder holds.
nlohmann::ordered_json describe(loaded_model const& loaded) {
  auto const& snapshot = *loaded.snapshot;
  auto const& model = snapshot.model;
  std::map<std::string, std::vector<std::size_t>> layers;
  std::vector<std::size_t> routed;
  attention const* first = nullptr;
  for (std::size_t index = 0; index < model.layers.size(); ++index) {
    auto const& blocks = model.layers[index];
    if (blocks.attention) layers[std::string{attention::kind}].push_back(index);
    visit_block(blocks.recurrent, [&](auto const& block) { layers[std::string{block.kind}].push_back(index); });
    if (std::holds_alternative<experts>(blocks.feed_forward)) routed.push_back(index);
    if (first == nullptr) first = model.attention_at(index);
  }

  nlohmann::ordered_json out;
  out["name"] = snapshot.name;
  out["architecture"] = model.architecture;
  out["layers"] = model.layers.size();
  out["layers_by_kind"] = layers;
  out["expert_layers"] = routed;
  out["width"] = model.width();
  out["heads"] = first != nullptr ? first->heads : 0;
  out["key_value_heads"] = first != nullptr ? first->key_value_heads : 0;
  out["group"] = first != nullptr ? first->group() : 0;
  out["head_dim"] = first != nullptr ? first->head_dim : 0;
  out["window"] =
      first != nullptr && first->window ? nlohmann::ordered_json(*first->window) : nlohmann::ordered_json(nullptr);
  out["vocabulary"] = model.vocabulary();
  out["parameters"] = loaded.parameters;
  auto left_out = nlohmann::ordered_json::object();
  for (auto const& begin : model.left_out)
    if (auto const count = snapshot.files.count(begin); count > 0) left_out[begin] = count;
  out["left_out"] = std::move(left_out);
  out["dtype"] = loaded.dtype;
  out["tokenizer"] = snapshot.tokenizer ? nlohmann::ordered_json(snapshot.tokenizer->kind()) : nlohmann::ordered_json();
  out["model_identity"] = snapshot.identity();
  return out;
}

/// What llama.cpp shows of a GGUF file.
nlohmann::ordered_json describe_file(loaded_model const& loaded) {
  std::map<std::string, std::vector<std::size_t>> layers;
  headcount::site first;
  auto const all = loaded.model.layers();
  for (auto const& layer : all) {
    layers[layer.heads > 0 ? "attention" : "other"].push_back(layer.layer);
    if (first.heads == 0) first = layer;
  }
  nlohmann::ordered_json out;
  out["name"] = loaded.name;
  out["architecture"] = loaded.architecture;
  out["layers"] = all.size();
  out["layers_by_kind"] = layers;
  out["heads"] = first.heads;
  out["key_value_heads"] = first.heads / first.group;
  out["group"] = first.group;
  out["head_dim"] = first.head_dim;
  out["vocabulary"] = loaded.reader.vocabulary;
  out["parameters"] = loaded.parameters;
  out["dtype"] = loaded.dtype;
  out["context"] = loaded.longest;
  out["tokenizer"] = loaded.reader.tokenizer ? nlohmann::ordered_json("in the file") : nlohmann::ordered_json();
  out["model_identity"] = loaded.identity();
  return out;
}

void print_table(nlohmann::ordered_json const& facts) {
  fmt::print("{}\n", facts["name"].get<std::string>());
  auto const line = [](std::string_view what, std::string const& value) { fmt::print("  {:<16}{}\n", what, value); };
  line("architecture", facts["architecture"]);
  line("layers", facts["layers"].dump());
  for (auto const& [kind, indices] : facts["layers_by_kind"].items())
    line("", fmt::format("{} {}: {}", indices.size(), kind, fmt::join(indices.get<std::vector<std::size_t>>(), ", ")));
  if (facts.contains("expert_layers") && !facts["expert_layers"].empty())
    line("", fmt::format("experts at {}", fmt::join(facts["expert_layers"].get<std::vector<std::size_t>>(), ", ")));
  if (facts.contains("width")) line("width", facts["width"].dump());
  line("heads", fmt::format("{} a layer, {} features each", facts["heads"].dump(), facts["head_dim"].dump()));
  line("KV groups", fmt::format("{} of {} heads", facts["key_value_heads"].dump(), facts["group"].dump()));
  if (facts.contains("window")) line("window", facts["window"].is_null() ? "none" : facts["window"].dump() + " keys");
  if (facts.contains("context")) line("context", facts["context"].dump() + " tokens at most");
  line("vocabulary", facts["vocabulary"].dump());
  line("parameters", facts["parameters"].dump());
  auto const left_out = facts.value("left_out", nlohmann::ordered_json::object());
  for (auto const& [begin, count] : left_out.items())
    line("not run", fmt::format("{} tensors of {}", count.dump(), begin));
  line("dtype", facts["dtype"]);
  line("tokenizer", facts["tokenizer"].is_null() ? "none, token ids only" : facts["tokenizer"].get<std::string>());
  line("identity", facts["model_identity"]);
}

}  // namespace

void add_inspect(CLI::App& app) {
  struct inspect_options {
    std::string model;
    bool json = false;
  };
  auto* const command = app.add_subcommand("inspect", "Say what a model holds: architecture, layers, heads, size");
  auto const chosen = std::make_shared<inspect_options>();
  command->add_option("MODEL", chosen->model, "folder with config.json and model.safetensors, or a GGUF file")
      ->required();
  command->add_flag("--json", chosen->json, "print JSON");
  command->footer("Example:\n  headcount inspect examples/models/tiny-jamba --json");
  command->callback([chosen] {
    auto const loaded = load_model(chosen->model);
    auto const facts = loaded.snapshot ? describe(loaded) : describe_file(loaded);
    if (chosen->json) fmt::print("{}\n", headcount::reference::json_text(facts, 2));
    else print_table(facts);
  });
}

}  // namespace tool
