#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// Bamba: Mamba-2, and attention with rotary positions on half of each head.
/// Source: transformers' BambaConfig.
struct bamba_config : common_config {
  std::vector<bool> attends{};  ///< per layer: attention, or Mamba-2
  mamba2_config mamba{};
  rotary_embedding rope{};
  bool attention_bias = false;
  bool mlp_bias = false;
};

/// transformers' BambaConfig. Throws headcount::error, naming file and key.
[[nodiscard]] inline bamba_config read_bamba(config_reader const& file) {
  bamba_config config{read_common(file, "BambaForCausalLM", {.usual_epsilon = 1e-5})};
  config.function = read_activation(file, "hidden_act", "silu");
  config.head_dim = read_head_dim(file, config);
  config.mamba = read_mamba2(file, config, file.count("mamba_expand", 2) * config.width);
  config.rope = read_rope(file, config.head_dim, 0.5);
  config.attention_bias = file.flag("attention_bias", false);
  config.mlp_bias = file.flag("mlp_bias", false);
  config.attends.assign(config.layers, false);
  for (auto const at : file.counts("attn_layer_indices", {})) {
    if (at >= config.layers) file.fail("attn_layer_indices", "layers of the model");
    config.attends[at] = true;
  }
  return config;
}

/// Bamba from its tensors. Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(bamba_config const& config, Source& source) {
  auto const norm = [&](std::string const& name) { return take_norm(source, name, config.width, config.norm_epsilon); };
  auto made = begin_model(config, source);
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    layer next{.mixer_norm = norm(name + "input_layernorm"), .feed_forward_norm = norm(name + "pre_ff_layernorm")};
    if (config.attends[at]) {
      next.attention = take_attention(config, source, name + "self_attn.", config.attention_bias);
      next.attention->rotary = config.rope;
    } else {
      next.recurrent = take_mamba2(config.mamba, config.width, source, name + "mamba.");
    }
    next.feed_forward = take_mlp(config, source, name + "feed_forward.", config.intermediate, config.mlp_bias);
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.final_layernorm"));
  return made;
}

}  // namespace headcount::v0::reference
