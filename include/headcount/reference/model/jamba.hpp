#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include <headcount/core/text.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

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
[[nodiscard]] gated_mlp make_gated_mlp(jamba_config const& config, Source& source, std::string const& name) {
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
    block.members.push_back(make_gated_mlp(config, source, text_of(name, "experts.", expert, ".")));
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
    if (config.attends[at]) next.mixer = make_full_attention(config, source, name + "self_attn.");
    else next.mixer = make_mamba_block(config, source, name + "mamba.");
    if (config.routes[at]) next.feed_forward = make_experts(config, source, name + "feed_forward.");
    else next.feed_forward = make_gated_mlp(config, source, name + "feed_forward.");
    made.layers.push_back(std::move(next));
  }
  made.final_norm = norm("model.final_layernorm");
  made.head.weight =
      config.tied_embeddings ? made.embedding : source.take("lm_head.weight", {config.vocabulary, config.width});
  return made;
}

}  // namespace headcount::v0::reference
