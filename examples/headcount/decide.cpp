// headcount decide: scores and kept heads for attention weights that another engine computed.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <headcount/file/safetensors.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/headcount.hpp>

#include "commands.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;
using reference::print_shape;

struct decide_options {
  std::string weights;
  std::string policy;
  std::string phase{name_of(phase::generation)};
  std::size_t layer = 0;
  std::size_t group = 1;
  std::string output;
};

/// A float32 tensor, copied to aligned memory; absent where its shape is empty.
template <std::size_t Rank>
struct floats {
  std::vector<std::size_t> shape{};
  std::vector<float> values{};

  explicit operator bool() const { return !shape.empty(); }
  strided_view<float, Rank> view() {
    std::array<std::size_t, Rank> extents{};
    std::ranges::copy(shape, extents.begin());
    return {values.data(), extents};
  }
};

/// Reads a tensor where there is one by that name. `form` is its shape in words, and `fits` says whether it has it.
template <std::size_t Rank, class Fits>
floats<Rank> read_floats(reference::safetensors_file const& file, std::string const& path, char const* name,
                         char const* form, Fits const& fits) {
  auto const found = file.tensors.find(name);
  if (found == file.tensors.end()) return {};
  auto const& tensor = found->second;
  if (tensor.dtype != "F32" || tensor.shape.size() != Rank)
    throw error{text_of(path, ", tensor \"", name, "\""),
                text_of("it is ", tensor.dtype, " ", print_shape(tensor.shape)), text_of("F32 ", form)};
  if (!fits(tensor.shape))
    throw error{path,
                text_of(name, " ", print_shape(tensor.shape), " do not fit weights ",
                        print_shape(file.tensors.at("weights").shape)),
                text_of(name, " ", form, " for weights [batch, head, query, key]")};
  floats<Rank> result{.shape = tensor.shape, .values = std::vector<float>(tensor.bytes.size() / sizeof(float))};
  if (!tensor.bytes.empty()) std::memcpy(result.values.data(), tensor.bytes.data(), tensor.bytes.size());
  return result;
}

/// What an engine wrote of one attention layer.
struct layer_file {
  floats<4> weights;     ///< [batch, head, query, key]
  floats<4> outputs;     ///< [batch, query, head, dim]
  floats<3> inputs;      ///< [batch, query, width]
  floats<2> projection;  ///< [width, head * dim]
  floats<4> values;      ///< [batch, kv_head, key, dim]

  explicit layer_file(std::string const& path) {
    auto const file = reference::open_safetensors(path);
    using shape_type = std::vector<std::size_t>;
    weights = read_floats<4>(file, path, "weights", "of 4 axes", [](shape_type const&) { return true; });
    if (!weights) throw error{path, "the tensor \"weights\" is missing"};
    auto const& of = weights.shape;
    outputs = read_floats<4>(file, path, "outputs", "[batch, query, head, dim]", [&](shape_type const& shape) {
      return shape[0] == of[0] && shape[1] == of[2] && shape[2] == of[1];
    });
    inputs = read_floats<3>(file, path, "inputs", "[batch, query, width]",
                            [&](shape_type const& shape) { return shape[0] == of[0] && shape[1] == of[2]; });
    projection = read_floats<2>(file, path, "projection", "[width, head * dim]", [&](shape_type const& shape) {
      return !outputs || shape[1] == of[1] * outputs.shape[3];
    });
    values = read_floats<4>(file, path, "values", "[batch, kv_head, key, dim]", [&](shape_type const& shape) {
      return shape[0] == of[0] && shape[2] == of[3] && (!outputs || shape[3] == outputs.shape[3]);
    });
  }

  /// Throws headcount::error when a policy's scorer or its mask reads what is not here.
  void check(std::string const& sentence, any_policy const& policy, std::size_t group) const {
    auto const needs = policy.reads();
    auto const require = [&](reading what, bool here, char const* tensor) {
      if (needs.contains(what) && !here)
        throw error{sentence, text_of("its scorer reads ", word_of(what), ", and the file holds no ", tensor),
                    "scorers of what the file holds"};
    };
    require(reading::gate, false, "gates");
    require(reading::query, false, "queries");
    require(reading::input, bool{inputs}, "\"inputs\" [batch, query, width]");
    require(reading::output, bool{outputs}, "\"outputs\" [batch, query, head, dim]");
    require(reading::contribution, outputs && projection,
            "\"outputs\" [batch, query, head, dim] or no \"projection\" [width, head * dim]");
    if (outputs && attention_of(policy.mask, 1) && (!values || values.shape[1] * group != weights.shape[1]))
      throw error{sentence,
                  text_of("its mask reads values, and the file holds ", values ? "too few or too many" : "none"),
                  text_of("\"values\" [batch, kv_head, key, dim], one for each ", group, " of ", weights.shape[1],
                          " heads, see --group")};
  }

  /// The output projection's columns of each head, `[head, width, dim]`.
  strided_view<float const, 3> head_projections() {
    if (!outputs || !projection) return {};
    auto const dim = outputs.shape[3];
    auto const columns = static_cast<std::ptrdiff_t>(projection.shape[1]);
    return {projection.values.data(),
            {weights.shape[1], projection.shape[0], dim},
            {static_cast<std::ptrdiff_t>(dim), columns, 1}};
  }
};

void decide_file(decide_options const& chosen) {
  auto const policy = read_policy(chosen.policy);
  layer_file file{chosen.weights};
  auto const heads = file.weights.shape[1];
  auto const queries = file.weights.shape[2];
  layer_pass const pass{.layer = chosen.layer,
                        .phase = chosen.phase == name_of(phase::prefill) ? phase::prefill : phase::generation,
                        .group = chosen.group};
  validate(policy, site{.layer = pass.layer,
                        .phase = pass.phase,
                        .heads = heads,
                        .group = pass.group,
                        .width = file.inputs ? file.inputs.shape[2] : 0,
                        .head_dim = file.outputs ? file.outputs.shape[3] : 0});
  file.check(chosen.policy, policy, chosen.group);

  std::vector<float> scores(file.weights.shape[0] * heads * queries);
  std::vector<std::uint8_t> kept(scores.size());
  std::vector<scorer_state> memories(file.weights.shape[0]);
  auto const outputs = file.outputs ? file.outputs.view() : strided_view<float, 4>{};
  for_each_query(pass, strided_view<float const, 4>{file.weights.view()},
                 [&](site const& where, std::size_t batch, std::size_t query, auto const& rows) {
                   auto const output_of = [&](std::size_t head) { return head_output{outputs[batch][query][head]}; };
                   auto tensors = tensors_from(rows);
                   if (file.outputs) tensors.outputs = output_of;
                   if (file.inputs) tensors.input = {file.inputs.view()[batch][query].as_span()};
                   tensors.projection = file.head_projections();
                   tensors.memory = memories[batch].of(where.layer, policy.state_size(), heads);
                   head_scores found;
                   auto const keep = decide(policy, where, tensors, found);
                   for (std::size_t head = 0; head < heads; ++head) {
                     auto const at = (batch * heads + head) * queries + query;
                     scores[at] = static_cast<float>(found[head]);
                     kept[at] = keep.contains(head) ? 1 : 0;
                   }
                   auto const seen = file.values ? file.values.view()[batch] : strided_view<float, 3>{};
                   if (file.outputs) mask_heads(policy.mask, where, keep, rows, seen, outputs[batch][query]);
                 });

  std::vector<reference::tensor_to_write> results;
  std::vector<std::size_t> const shape{file.weights.shape[0], heads, queries};
  results.push_back(reference::to_write("scores", scores, shape));
  if (file.outputs) results.push_back(reference::to_write("outputs", file.outputs.values, file.outputs.shape));
  results.push_back(reference::to_write("kept", kept, shape));
  reference::write_safetensors(chosen.output, results);
}

}  // namespace

void add_decide(CLI::App& app) {
  auto* const command = app.add_subcommand("decide", "Score and choose heads from attention weights of another engine");
  auto const chosen = std::make_shared<decide_options>();
  command
      ->add_option("--weights", chosen->weights,
                   "safetensors file with float32 \"weights\" [batch, head, query, key], after softmax, and optionally "
                   "\"outputs\" [batch, query, head, dim], for scorers that read them \"inputs\" [batch, query, width] "
                   "and \"projection\" [width, head * dim], and for masks that let dropped heads attend otherwise "
                   "\"values\" [batch, kv_head, key, dim]; query t of Q sees the first K - Q + t + 1 of K keys")
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
