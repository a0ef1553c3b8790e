#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/convolution.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// Olmo-Hybrid: gated DeltaNet with norms before it, and attention with norms after it.
/// Source: transformers' OlmoHybridConfig.
struct olmo_hybrid_config : common_config {
  std::vector<bool> attends{};  ///< per layer: attention, or gated DeltaNet
  gated_delta_config delta{};
  std::optional<rotary_embedding> rope{};
  bool attention_bias = false;
  bool negative_eigenvalues = true;  ///< writes up to 2
};

/// transformers' OlmoHybridConfig. No positions where `rope_theta` is null. Throws headcount::error, naming file and
/// key.
[[nodiscard]] inline olmo_hybrid_config read_olmo_hybrid(config_reader const& file) {
  olmo_hybrid_config config{read_common(file, "OlmoHybridForCausalLM")};
  config.function = read_activation(file, "hidden_act", "silu");
  config.head_dim = read_head_dim(file, config);
  config.delta = read_gated_delta(file);
  config.attention_bias = file.flag("attention_bias", false);
  config.negative_eigenvalues = file.flag("linear_allow_neg_eigval", true);
  auto const rope = file.section("rope_parameters");
  bool const none = rope.is_null("rope_theta") || (file.is_null("rope_theta") && !rope.has("rope_theta"));
  if (!none) config.rope = read_rope(file, config.head_dim);
  auto const pattern = read_attention_pattern(file, config.layers);
  for (std::size_t at = 0; at < config.layers; ++at)
    config.attends.push_back(pattern ? (*pattern)[at] : (at + 1) % 4 == 0);
  return config;
}

/// The gated DeltaNet of a layer. Its convolution is stored in three tensors, joined in the order of queries, keys and
/// values, whatever rows each has: transformers writes equal thirds.
template <weight_source Source>
[[nodiscard]] gated_delta_net make_gated_delta(olmo_hybrid_config const& config, Source& source,
                                               std::string const& name) {
  auto const& sizes = config.delta;
  auto block = begin_gated_delta(sizes, source, name, "o_norm", 1e-5f);
  auto const take = [&](char const* which, std::size_t rows) {
    return take_linear(source, name + which, rows, config.width);
  };
  block.query = take("q_proj", sizes.keys());
  block.key = take("k_proj", sizes.keys());
  block.value = take("v_proj", sizes.values());
  block.gate = take("g_proj", sizes.values());
  block.write = take("b_proj", sizes.value_heads);
  block.decay = take("a_proj", sizes.value_heads);
  block.output = take_linear(source, name + "o_proj", config.width, sizes.values());
  block.strongest_write = config.negative_eigenvalues ? 2 : 1;

  auto const channels = 2 * sizes.keys() + sizes.values();
  std::array rows{sizes.keys(), sizes.keys(), sizes.values()};
  if (auto const stored = source.shape_of(name + "q_conv1d.weight"); !stored.empty() && 3 * stored.front() == channels)
    rows.fill(channels / 3);
  block.convolution = {
      .taps = std::vector<float>(sizes.convolution * channels), .width = sizes.convolution, .channels = channels};
  std::size_t first = 0;
  for (std::size_t part = 0; part < rows.size(); ++part) {
    auto const some = take_convolution(source, name + "qkv"[part] + "_conv1d", rows[part], sizes.convolution, false);
    for (std::size_t tap = 0; tap < sizes.convolution; ++tap)
      for (std::size_t channel = 0; channel < rows[part]; ++channel)
        block.convolution.taps[tap * channels + first + channel] = some.taps[tap * rows[part] + channel];
    first += rows[part];
  }
  return block;
}

/// Olmo-Hybrid from its tensors; norms have different names in different versions. Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(olmo_hybrid_config const& config, Source& source) {
  auto const norm = [&](std::string const& name, std::size_t width) {
    return take_norm(source, name, width, config.norm_epsilon);
  };
  auto const one_norm = [&](std::string const& layer, char const* name, char const* other) {
    auto const found = one_of(source, {text_of(layer, name, ".weight"), text_of(layer, other, ".weight")});
    return norm(found.substr(0, found.rfind('.')), config.width);
  };
  auto made = begin_model(config, source);
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    layer next;
    if (config.attends[at]) {
      next.order = layer_order::after;
      next.mixer_norm = one_norm(name, "post_attention_layernorm", "feedforward_layer_norm");
      next.feed_forward_norm = norm(name + "post_feedforward_layernorm", config.width);
      next.attention = take_attention(config, source, name + "self_attn.", config.attention_bias);
      next.attention->rotary = config.rope;
      next.attention->query_norm = norm(name + "self_attn.q_norm", config.heads * config.head_dim);
      next.attention->key_norm = norm(name + "self_attn.k_norm", config.key_value_heads * config.head_dim);
    } else {
      next.mixer_norm = one_norm(name, "attention_layer_norm", "input_layernorm");
      next.feed_forward_norm = one_norm(name, "feedforward_layer_norm", "post_attention_layernorm");
      next.recurrent = make_gated_delta(config, source, name + "linear_attn.");
    }
    next.feed_forward = take_mlp(config, source, name + "mlp.", config.intermediate);
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.norm", config.width));
  return made;
}

}  // namespace headcount::v0::reference
