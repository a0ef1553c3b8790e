#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// Jamba.
/// Source: Lieber et al. 2024, arXiv 2403.19887; transformers' JambaConfig.
struct jamba_config : common_config {
  std::vector<bool> attends{};  ///< per layer: attention, or Mamba
  std::vector<bool> routes{};   ///< per layer: experts, or one MLP
  std::size_t experts = 1;
  std::size_t chosen_experts = 1;  ///< num_experts_per_tok
  std::size_t mamba_states = 16;
  std::size_t mamba_convolution = 4;
  std::size_t mamba_channels = 0;  ///< expand * width
  std::size_t mamba_rank = 0;      ///< of dt
  bool mamba_convolution_bias = true;
  bool mamba_projection_bias = false;
};

/// transformers' JambaConfig, as versions 4.40 to 5.x write it. Throws headcount::error, naming file and key.
[[nodiscard]] inline jamba_config read_jamba(config_reader const& file) {
  jamba_config config{read_common(file, "JambaForCausalLM")};
  config.function = read_activation(file, "hidden_act", "silu");
  config.experts = file.count("num_experts", 16);
  config.chosen_experts = file.count("num_experts_per_tok", 2);
  config.mamba_states = file.count("mamba_d_state", 16);
  config.mamba_convolution = file.count("mamba_d_conv", 4);
  config.mamba_channels = file.count("mamba_expand", 2) * config.width;
  config.mamba_rank = file.is("mamba_dt_rank", "auto") ? (config.width + 15) / 16
                                                       : file.count("mamba_dt_rank", (config.width + 15) / 16);
  config.mamba_convolution_bias = file.flag("mamba_conv_bias", true);
  config.mamba_projection_bias = file.flag("mamba_proj_bias", false);
  // transformers takes the key since its Jamba derives from Llama; older ones divide.
  if (!file.has("head_dim") && config.width % config.heads != 0)
    file.fail("hidden_size", "a multiple of num_attention_heads, where there is no head_dim");
  config.head_dim = file.count("head_dim", config.width / config.heads);
  if (config.experts > 1 && config.chosen_experts > config.experts)
    file.fail("num_experts_per_tok", "at most num_experts");

  auto const periodic = [&](char const* period_key, char const* offset_key, std::size_t period_default,
                            std::size_t offset_default) {
    auto const period = file.count(period_key, period_default);
    auto const offset = file.count(offset_key, offset_default, 0);
    if (offset >= period) file.fail(offset_key, text_of("less than ", period_key));
    std::vector<bool> layers(config.layers);
    for (std::size_t layer = offset; layer < config.layers; layer += period) layers[layer] = true;
    return layers;
  };
  config.attends = periodic("attn_layer_period", "attn_layer_offset", 8, 4);
  config.routes = periodic("expert_layer_period", "expert_layer_offset", 2, 1);
  if (config.experts == 1) config.routes.assign(config.layers, false);
  return config;
}

/// Takes the weights of an attention block without rotary positions, under `name`. Throws what the source does.
template <weight_source Source>
[[nodiscard]] attention make_full_attention(jamba_config const& config, Source& source, std::string const& name) {
  auto const queries = config.heads * config.head_dim;
  auto const keys = config.key_value_heads * config.head_dim;
  return {.query = take_linear(source, name + "q_proj", queries, config.width),
          .key = take_linear(source, name + "k_proj", keys, config.width),
          .value = take_linear(source, name + "v_proj", keys, config.width),
          .output = take_linear(source, name + "o_proj", config.width, queries),
          .heads = config.heads,
          .key_value_heads = config.key_value_heads,
          .head_dim = config.head_dim};
}

/// Takes the weights of a Mamba block under `name`; `A_log` becomes A = -exp(A_log). Throws what the source does.
template <weight_source Source>
[[nodiscard]] mamba_block make_mamba_block(jamba_config const& config, Source& source, std::string const& name) {
  auto const channels = config.mamba_channels;
  auto const states = config.mamba_states;
  auto const rank = config.mamba_rank;
  auto const bias = config.mamba_projection_bias;
  auto const norm = [&](std::string const& which, std::size_t width) {
    return take_norm(source, name + which + "_layernorm", width, config.norm_epsilon);
  };
  auto a = widen_transposed(source.take(name + "A_log", {channels, states}));
  for (auto& value : a) value = -std::exp(value);
  return {.in_projection = take_linear(source, name + "in_proj", 2 * channels, config.width, bias),
          .x_projection = take_linear(source, name + "x_proj", rank + 2 * states, channels),
          .dt_projection = take_linear(source, name + "dt_proj", channels, rank, true),
          .out_projection = take_linear(source, name + "out_proj", config.width, channels, bias),
          .convolution = take_convolution(source, name + "conv1d", channels, config.mamba_convolution,
                                          config.mamba_convolution_bias),
          .dt_norm = norm("dt", rank),
          .b_norm = norm("b", states),
          .c_norm = norm("c", states),
          .a = std::move(a),
          .skip = widen_all(source.take(name + "D", {channels}))};
}

/// Takes the weights of a gated MLP under `name`. Throws what the source does.
template <weight_source Source>
[[nodiscard]] mlp make_mlp(jamba_config const& config, Source& source, std::string const& name) {
  return {.gate = take_linear(source, name + "gate_proj", config.intermediate, config.width),
          .up = take_linear(source, name + "up_proj", config.intermediate, config.width),
          .down = take_linear(source, name + "down_proj", config.width, config.intermediate),
          .function = config.function};
}

/// Takes the weights of a router and its experts under `name`. Throws what the source does.
template <weight_source Source>
[[nodiscard]] experts make_experts(jamba_config const& config, Source& source, std::string const& name) {
  experts block{.router = take_linear(source, name + "router", config.experts, config.width),
                .chosen = config.chosen_experts};
  for (std::size_t expert = 0; expert < config.experts; ++expert)
    block.members.push_back(make_mlp(config, source, text_of(name, "experts.", expert, ".")));
  return block;
}

/// Jamba from its tensors. Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(jamba_config const& config, Source& source) {
  auto const norm = [&](std::string const& name) { return take_norm(source, name, config.width, config.norm_epsilon); };
  model made{.architecture = config.architecture,
             .embedding = source.take("model.embed_tokens.weight", {config.vocabulary, config.width})};
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    layer next{.mixer_norm = norm(name + "input_layernorm"), .feed_forward_norm = norm(name + "pre_ff_layernorm")};
    if (config.attends[at]) next.attention = make_full_attention(config, source, name + "self_attn.");
    else next.recurrent = make_mamba_block(config, source, name + "mamba.");
    if (config.routes[at]) next.feed_forward = make_experts(config, source, name + "feed_forward.");
    else next.feed_forward = make_mlp(config, source, name + "feed_forward.");
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.final_layernorm"));
  return made;
}

}  // namespace headcount::v0::reference
