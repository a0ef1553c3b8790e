// headcount decide: scores and kept heads for attention weights that another engine computed.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <headcount/headcount.hpp>
#include <headcount/reference/load/safetensors.hpp>
#include <headcount/reference/load/write_safetensors.hpp>

#include "commands.hpp"
#include "inputs.hpp"

namespace tool {
namespace {

using namespace headcount;
using reference::print_shape;

struct options {
  std::string weights;
  std::string policy;
  std::string phase{name_of(phase::generation)};
  std::size_t layer = 0;
  std::size_t group = 1;
  std::string output;
};

/// A tensor of float32 and rank 4 by name, copied to aligned memory.
struct floats {
  std::vector<std::size_t> shape;
  std::vector<float> values;

  strided_view<float, 4> view() { return {values.data(), {shape[0], shape[1], shape[2], shape[3]}}; }
};

floats read_floats(reference::safetensors_file const& file, std::string const& path, std::string const& name) {
  auto const found = file.tensors.find(name);
  if (found == file.tensors.end()) throw error{path, text_of("the tensor \"", name, "\" is missing")};
  auto const& tensor = found->second;
  if (tensor.dtype != "F32" || tensor.shape.size() != 4)
    throw error{text_of(path, ", tensor \"", name, "\""),
                text_of("it is ", tensor.dtype, " ", print_shape(tensor.shape)), "F32 of 4 axes"};
  floats result{.shape = tensor.shape, .values = std::vector<float>(tensor.bytes.size() / sizeof(float))};
  if (!tensor.bytes.empty()) std::memcpy(result.values.data(), tensor.bytes.data(), tensor.bytes.size());
  return result;
}

void decide_file(options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  auto const file = reference::open_safetensors(chosen.weights);
  auto weights = read_floats(file, chosen.weights, "weights");
  auto const heads = weights.shape[1];
  auto const queries = weights.shape[2];
  floats outputs;
  bool const has_outputs = file.tensors.contains("outputs");
  if (has_outputs) {
    outputs = read_floats(file, chosen.weights, "outputs");
    if (outputs.shape[0] != weights.shape[0] || outputs.shape[1] != queries || outputs.shape[2] != heads)
      throw error{chosen.weights,
                  text_of("outputs ", print_shape(outputs.shape), " do not fit weights ", print_shape(weights.shape)),
                  "outputs [batch, query, head, dim] for weights [batch, head, query, key]"};
  }
  layer_pass const pass{.layer = chosen.layer,
                        .phase = chosen.phase == name_of(phase::prefill) ? phase::prefill : phase::generation,
                        .group = chosen.group};
  validate(policy, site{.layer = pass.layer, .phase = pass.phase, .heads = heads, .group = pass.group});
  auto const reads = policy.reads();
  if (reads == reading::query || (reads == reading::output && !has_outputs))
    throw error{chosen.policy, "its scorer reads what the file does not hold",
                "scorers of weights, or of outputs when there are any"};

  std::vector<float> scores(weights.shape[0] * heads * queries);
  std::vector<std::uint8_t> kept(scores.size());
  for_each_query(
      pass, strided_view<float const, 4>{weights.view()},
      [&](site const& where, std::size_t batch, std::size_t query, auto const& rows) {
        head_scores found;
        auto const output_of = [&](std::size_t head) { return head_output{outputs.view()[batch][query][head]}; };
        auto const keep =
            reads == reading::output ? decide(policy, where, output_of, found) : decide(policy, where, rows, found);
        for (std::size_t head = 0; head < heads; ++head) {
          auto const at = (batch * heads + head) * queries + query;
          scores[at] = static_cast<float>(found[head]);
          kept[at] = keep.contains(head) ? 1 : 0;
          if (has_outputs && !keep.contains(head)) policy.mask(outputs.view()[batch][query][head]);
        }
      });

  std::vector<reference::tensor_to_write> results;
  std::vector<std::size_t> const shape{weights.shape[0], heads, queries};
  results.push_back(reference::to_write("scores", scores, shape));
  if (has_outputs) results.push_back(reference::to_write("outputs", outputs.values, outputs.shape));
  results.push_back(reference::to_write("kept", kept, shape));
  reference::write_safetensors(chosen.output, results);
}

}  // namespace

void add_decide(CLI::App& app) {
  auto* const command = app.add_subcommand("decide", "Score and choose heads from attention weights of another engine");
  auto const chosen = std::make_shared<options>();
  command
      ->add_option("--weights", chosen->weights,
                   "safetensors file with float32 \"weights\" [batch, head, query, key], after softmax, and optionally "
                   "\"outputs\" "
                   "[batch, query, head, dim]; query t of Q sees the first K - Q + t + 1 of K keys")
      ->required();
  command->add_option("--policy", chosen->policy, "sentence, e.g. \"entropy | top_k(5) @ generation\"")->required();
  command->add_option("--phase", chosen->phase, "what the weights come from")
      ->check(CLI::IsMember({"generation", "prefill"}))
      ->capture_default_str();
  command->add_option("--layer", chosen->layer, "which layer they come from")->capture_default_str();
  command->add_option("--group", chosen->group, "query heads per key/value head, for top_groups")
      ->capture_default_str();
  command
      ->add_option("--output", chosen->output,
                   "safetensors file to write: float32 \"scores\" and uint8 \"kept\" [batch, head, query], and "
                   "\"outputs\" after the mask")
      ->required();
  command->footer(
      "Example:\n  headcount decide --weights weights.safetensors --policy \"entropy | top_k(5)\" --output "
      "kept.safetensors");
  command->callback([chosen] { decide_file(*chosen); });
}

}  // namespace tool
