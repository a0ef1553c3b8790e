#pragma once

#include <array>
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

/// Falcon-H1: attention and Mamba-2 side by side in every layer, and multipliers (muP) on all that goes in and out.
/// Source: Zuo et al. 2025, arXiv 2507.22448; transformers' FalconH1Config.
struct falcon_h1_config : common_config {
  mamba2_config mamba{};
  rotary_embedding rope{};
  bool attention_bias = false;
  bool mlp_bias = false;
  float embedding_scale = 1;
  float head_scale = 1;
  float attention_in = 1;
  float attention_out = 1;
  float key_scale = 1;
  float mamba_in = 1;
  float mamba_out = 1;
  std::array<float, 5> mamba_parts{1, 1, 1, 1, 1};  ///< of z, x, B, C, dt
  std::array<float, 2> mlp_scales{1, 1};            ///< of the gate, and of what comes out
};

/// transformers' FalconH1Config. Throws headcount::error, naming file and key.
[[nodiscard]] inline falcon_h1_config read_falcon_h1(config_reader const& file) {
  falcon_h1_config config{read_common(file, "FalconH1ForCausalLM", {.usual_epsilon = 1e-5})};
  config.function = read_activation(file, "hidden_act", "silu");
  config.head_dim = read_head_dim(file, config);
  config.rope = read_rope(file, config.head_dim);
  auto const channels =
      file.has("mamba_d_ssm") ? file.count("mamba_d_ssm") : file.count("mamba_expand", 2) * config.width;
  config.mamba = read_mamba2(file, config, channels);
  config.mamba.output_bias = file.flag("projectors_bias", false);
  config.mamba.norm_parts = config.mamba.groups;
  config.mamba.ending = !file.flag("mamba_rms_norm", false)         ? gated_norm::gated
                        : file.flag("mamba_norm_before_gate", true) ? gated_norm::norm_first
                                                                    : gated_norm::norm_last;
  config.attention_bias = file.flag("attention_bias", false);
  config.mlp_bias = file.flag("mlp_bias", false);
  config.embedding_scale = read_scale(file, "embedding_multiplier");
  config.head_scale = read_scale(file, "lm_head_multiplier");
  config.attention_in = read_scale(file, "attention_in_multiplier");
  config.attention_out = read_scale(file, "attention_out_multiplier");
  config.key_scale = read_scale(file, "key_multiplier");
  config.mamba_in = read_scale(file, "ssm_in_multiplier");
  config.mamba_out = read_scale(file, "ssm_out_multiplier");
  auto const parts = file.numbers("ssm_multipliers", {1, 1, 1, 1, 1}, 5);
  auto const mlp = file.numbers("mlp_multipliers", {1, 1}, 2);
  for (std::size_t i = 0; i < parts.size(); ++i) config.mamba_parts[i] = static_cast<float>(parts[i]);
  for (std::size_t i = 0; i < mlp.size(); ++i) config.mlp_scales[i] = static_cast<float>(mlp[i]);
  return config;
}

/// Falcon-H1 from its tensors; what multiplies a block's input goes into its first maps, before their bias. Throws what
/// `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(falcon_h1_config const& config, Source& source) {
  auto const norm = [&](std::string const& name) { return take_norm(source, name, config.width, config.norm_epsilon); };
  auto made = begin_model(config, source);
  made.embedding_scale = config.embedding_scale;
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    layer next{.mixer_norm = norm(name + "input_layernorm"), .feed_forward_norm = norm(name + "pre_ff_layernorm")};

    auto block = take_attention(config, source, name + "self_attn.", config.attention_bias);
    for (auto* const map : {&block.query, &block.key, &block.value}) map->scale = config.attention_in;
    multiply(block.key, config.key_scale);
    multiply(block.output, config.attention_out);
    block.rotary = config.rope;
    next.attention = std::move(block);

    auto mamba = take_mamba2(config.mamba, config.width, source, name + "mamba.");
    mamba.in_projection.scale = config.mamba_in;
    mamba.part_scales = config.mamba_parts;
    multiply(mamba.out_projection, config.mamba_out);
    next.recurrent = std::move(mamba);

    auto feed_forward = take_mlp(config, source, name + "feed_forward.", config.intermediate, config.mlp_bias);
    multiply(feed_forward.gate, config.mlp_scales[0]);
    multiply(feed_forward.down, config.mlp_scales[1]);
    next.feed_forward = std::move(feed_forward);
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.final_layernorm"));
  made.head.scale = config.head_scale;
  return made;
}

}  // namespace headcount::v0::reference
