// headcount compact: a model without the heads that a static policy drops.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <headcount/ranking/compact.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>

#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;

struct compact_options {
  std::string model;
  std::string policy;
  std::string output;
};

std::size_t tensor_bytes(reference::snapshot const& snapshot) {
  std::size_t sum = 0;
  for (auto const& [name, tensor] : snapshot.files.tensors()) sum += tensor.bytes.size();
  return sum;
}

void write_model(compact_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const loaded = load_model(chosen.model);
  require_weights(loaded, "compact");
  require_fit(std::span{&policy, 1}, loaded);
  auto const& snapshot = *loaded.snapshot;
  auto const layout = reference::compact_layout_of(snapshot.model, policy);
  reference::write_compact(snapshot, chosen.model, policy, layout, chosen.output);
  for (auto const& layer : layout.layers) fmt::print("layer {} keeps {}\n", layer.index, fmt::join(layer.heads, " "));
  fmt::print("{} heads and {} key/value heads a layer; {} bytes of weights, {} before\n", layout.heads, layout.groups,
             tensor_bytes(*load_model(chosen.output).snapshot), tensor_bytes(snapshot));
}

}  // namespace

void add_compact(CLI::App& app) {
  auto* const command = app.add_subcommand("compact", "Write a model without the heads that a static policy drops");
  auto const chosen = std::make_shared<compact_options>();
  command->add_option("--model", chosen->model, "model folder")->required();
  command
      ->add_option("--policy", chosen->policy,
                   "sentence of a ranking in both phases, e.g. \"fixed(R.json) | top_groups(2)\"")
      ->required();
  command->add_option("--output", chosen->output, "folder to write; it must not exist")->required();
  command->footer(
      "Example:\n  headcount compact --model examples/models/tiny-jamba --policy \"fixed(R.json) | top_groups(2)\" "
      "--output "
      "small\nwith the ranking that this writes:\n  headcount rank --model examples/models/tiny-jamba --method "
      "retrieval "
      "--output R.json");
  command->callback([chosen] { write_model(*chosen); });
}

}  // namespace tool
