#pragma once

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/index_range.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/policy/scope.hpp>

namespace headcount::v0::reference {

// head_outputs as safetensors, float32, for every layer L with attention:
//
//     layers.L.mean     [head, dim]
//     layers.L.samples  [sample, head, dim], as many samples in every layer

/// Outputs out of tensors; `file` names them in error messages. Throws headcount::error when they are none.
[[nodiscard]] inline head_outputs make_head_outputs(std::string const& file, safetensors const& tensors) {
  static constexpr auto form = "F32 \"layers.L.mean\" [head, dim] and \"layers.L.samples\" [sample, head, dim]";
  auto const layer_of = [](std::string_view name, std::string_view end) -> std::optional<std::size_t> {
    constexpr std::string_view begin = "layers.";
    if (!name.starts_with(begin) || !name.ends_with(end) || name.size() <= begin.size() + end.size())
      return std::nullopt;
    auto const number = parse_index_range(name.substr(begin.size(), name.size() - begin.size() - end.size()));
    if (!number || number->first != number->last || number->last >= layer_set::capacity()) return std::nullopt;
    return number->first;
  };
  auto const floats = [](stored_tensor const& tensor) {
    std::vector<float> values(tensor.bytes.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  };
  head_outputs outputs;
  std::optional<std::size_t> samples;
  for (auto const& [name, tensor] : tensors) {
    auto const at = layer_of(name, ".mean");
    if (!at && layer_of(name, ".samples")) continue;  // read with its mean
    auto const what = text_of(file, ", tensor \"", name, "\"");
    if (!at) throw error{what, "it is not known here", form};
    auto const of_layer = tensors.find(text_of("layers.", *at, ".samples"));
    if (of_layer == tensors.end()) throw error{what, "there are no samples beside it", form};
    auto const& shape = tensor.shape;
    auto const& sampled = of_layer->second.shape;
    if (tensor.dtype != "F32" || of_layer->second.dtype != "F32" || shape.size() != 2 || sampled.size() != 3 ||
        sampled[1] != shape[0] || sampled[2] != shape[1])
      throw error{what,
                  text_of("it is ", tensor.dtype, " ", print_shape(shape), ", its samples ", of_layer->second.dtype,
                          " ", print_shape(sampled)),
                  form};
    if (shape[0] == 0 || shape[0] > head_set::capacity())
      throw error{what, text_of("it has ", shape[0], " heads"), text_of("1 to ", head_set::capacity())};
    if (samples.value_or(sampled[0]) != sampled[0])
      throw error{what, text_of("it has ", sampled[0], " samples, another layer ", *samples)};
    samples = sampled[0];
    if (outputs.layers.size() <= *at) outputs.layers.resize(*at + 1);
    outputs.layers[*at] = {
        .heads = shape[0], .dim = shape[1], .mean = floats(tensor), .samples = floats(of_layer->second)};
  }
  if (!samples) throw error{file, "it holds no outputs", form};
  for (auto const& [name, tensor] : tensors)
    if (auto const at = layer_of(name, ".samples"); at && !tensors.contains(text_of("layers.", *at, ".mean")))
      throw error{text_of(file, ", tensor \"", name, "\""), "there is no mean beside it", form};
  outputs.samples = *samples;
  return outputs;
}

/// Reads a file of outputs. Throws headcount::error when it cannot be read or holds none.
[[nodiscard]] inline head_outputs read_head_outputs(std::filesystem::path const& path) {
  auto const file = open_safetensors(path);
  return make_head_outputs(path.string(), file.tensors);
}

/// Writes outputs, all of them or nothing. `about` is what the file says of itself.
inline void write_head_outputs(std::filesystem::path const& path, head_outputs const& outputs,
                               std::map<std::string, std::string> const& about = {}) {
  std::vector<tensor_to_write> tensors;
  for (std::size_t at = 0; at < outputs.layers.size(); ++at) {
    auto const& layer = outputs.layers[at];
    if (layer.heads == 0) continue;
    tensors.push_back(to_write(text_of("layers.", at, ".mean"), layer.mean, {layer.heads, layer.dim}));
    tensors.push_back(
        to_write(text_of("layers.", at, ".samples"), layer.samples, {outputs.samples, layer.heads, layer.dim}));
  }
  write_safetensors(path, tensors, about);
}

}  // namespace headcount::v0::reference
