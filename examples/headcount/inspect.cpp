// headcount inspect: what a model folder holds.

#include <map>
#include <memory>
#include <set>
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

nlohmann::ordered_json describe(snapshot const& snapshot) {
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
  std::set<std::string> dtypes;
  for (auto const& [name, tensor] : snapshot.files.tensors()) dtypes.insert(tensor.dtype);

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
  out["parameters"] = snapshot.parameters();
  auto left_out = nlohmann::ordered_json::object();
  for (auto const& begin : model.left_out)
    if (auto const count = snapshot.files.count(begin); count > 0) left_out[begin] = count;
  out["left_out"] = std::move(left_out);
  out["dtype"] = fmt::format("{}", fmt::join(dtypes, ", "));
  out["tokenizer"] = snapshot.tokenizer ? nlohmann::ordered_json(snapshot.tokenizer->kind()) : nlohmann::ordered_json();
  out["model_identity"] = snapshot.identity();
  return out;
}

void print_table(nlohmann::ordered_json const& facts) {
  fmt::print("{}\n", facts["name"].get<std::string>());
  auto const line = [](std::string_view what, std::string const& value) { fmt::print("  {:<16}{}\n", what, value); };
  line("architecture", facts["architecture"]);
  line("layers", facts["layers"].dump());
  for (auto const& [kind, indices] : facts["layers_by_kind"].items())
    line("", fmt::format("{} {}: {}", indices.size(), kind, fmt::join(indices.get<std::vector<std::size_t>>(), ", ")));
  if (!facts["expert_layers"].empty())
    line("", fmt::format("experts at {}", fmt::join(facts["expert_layers"].get<std::vector<std::size_t>>(), ", ")));
  line("width", facts["width"].dump());
  line("heads", fmt::format("{} a layer, {} features each", facts["heads"].dump(), facts["head_dim"].dump()));
  line("KV groups", fmt::format("{} of {} heads", facts["key_value_heads"].dump(), facts["group"].dump()));
  line("window", facts["window"].is_null() ? "none" : facts["window"].dump() + " keys");
  line("vocabulary", facts["vocabulary"].dump());
  line("parameters", facts["parameters"].dump());
  for (auto const& [begin, count] : facts["left_out"].items())
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
  auto* const command =
      app.add_subcommand("inspect", "Say what a model folder holds: architecture, layers, heads, size");
  auto const chosen = std::make_shared<inspect_options>();
  command->add_option("MODEL", chosen->model, "folder with config.json and model.safetensors")->required();
  command->add_flag("--json", chosen->json, "print JSON");
  command->footer("Example:\n  headcount inspect examples/models/tiny-jamba --json");
  command->callback([chosen] {
    auto const facts = describe(*load_model(chosen->model).snapshot);
    if (chosen->json) fmt::print("{}\n", headcount::reference::json_text(facts, 2));
    else print_table(facts);
  });
}

}  // namespace tool
