#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/activation.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// RecurrentGemma (Griffin).
/// Source: Botev et al. 2024, arXiv 2404.07839; transformers' RecurrentGemmaConfig.
struct recurrent_gemma_config : common_config {
  std::size_t lru_width = 0;
  std::size_t window = 0;  ///< attention_window_size: keys a query sees, its own included
  std::size_t convolution_width = 4;
  std::vector<bool> attends{};  ///< per layer: attention, or RG-LRU
  double rope_base = 10000;
  std::size_t rotated = 0;  ///< features of a head that rotary positions turn, an even number
  bool attention_bias = false;
  float logit_cap = 30;
};

/// transformers' RecurrentGemmaConfig, as versions 4.40 to 5.x write it. Throws headcount::error, naming file and key.
[[nodiscard]] inline recurrent_gemma_config read_recurrent_gemma(config_reader const& file) {
  recurrent_gemma_config config{read_common(file, "RecurrentGemmaForCausalLM", {.tied = true})};
  config.function = read_activation(file, "hidden_activation", "gelu_pytorch_tanh");
  if (!file.has("head_dim") && config.width < config.heads)
    file.fail("hidden_size", "at least num_attention_heads, where there is no head_dim");
  config.head_dim = file.count("head_dim", config.width / config.heads);
  config.lru_width = file.count("lru_width", config.width);
  config.window = file.count("attention_window_size", 2048);
  config.convolution_width = file.count("conv1d_width", 4);
  config.attention_bias = file.flag("attention_bias", false);
  config.logit_cap = static_cast<float>(file.number("logits_soft_cap", 30));
  if (!(config.logit_cap >= 0 && std::isfinite(config.logit_cap))) file.fail("logits_soft_cap", "a number from 0");
  if (config.lru_width % config.heads != 0) file.fail("lru_width", "a multiple of num_attention_heads");
  if (config.intermediate % 2 != 0) file.fail("intermediate_size", "an even number");

  auto const key = file.has("block_types") || !file.has("_block_types") ? "block_types" : "_block_types";
  auto const blocks = file.texts(key, {"recurrent", "recurrent", "attention"});
  for (auto const& block : blocks)
    if (block != "recurrent" && block != "attention") file.fail(key, "a list of \"recurrent\" and \"attention\"");
  if (blocks.empty()) file.fail(key, "a list of \"recurrent\" and \"attention\"");
  for (std::size_t layer = 0; layer < config.layers; ++layer)
    config.attends.push_back(blocks[layer % blocks.size()] == "attention");

  auto const rope = file.section("rope_parameters");  // transformers 5; rope_theta stood alone before
  auto const kind = rope.text("rope_type", "default");
  if (kind != "default") rope.fail("rope_type", "default");
  config.rope_base = rope.number("rope_theta", file.number("rope_theta", 10000));
  auto const factor = rope.number("partial_rotary_factor", file.number("partial_rotary_factor", 0.5));
  if (!(config.rope_base > 0)) file.fail("rope_theta", "a number above 0");
  if (!(factor > 0 && factor <= 1)) file.fail("partial_rotary_factor", "a number above 0, at most 1");
  config.rotated = static_cast<std::size_t>(std::lround(static_cast<double>(config.head_dim) * factor)) / 2 * 2;
  return config;
}

/// Takes the weights of a sliding-window attention block with rotary positions, under `name`. Throws what the source
/// does.
template <weight_source Source>
[[nodiscard]] attention make_local_attention(recurrent_gemma_config const& config, Source& source,
                                             std::string const& name) {
  auto const queries = config.heads * config.head_dim;
  auto const keys = config.key_value_heads * config.head_dim;
  return {.query = take_linear(source, name + "q_proj", queries, config.width, config.attention_bias),
          .key = take_linear(source, name + "k_proj", keys, config.width, config.attention_bias),
          .value = take_linear(source, name + "v_proj", keys, config.width, config.attention_bias),
          .output = take_linear(source, name + "o_proj", config.width, queries, true),
          .heads = config.heads,
          .key_value_heads = config.key_value_heads,
          .head_dim = config.head_dim,
          .window = config.window,
          .rotary = make_rotary_embedding(config.rotated, config.rope_base)};
}

/// Takes the weights of an RG-LRU block under `name`. Throws what the source does.
template <weight_source Source>
[[nodiscard]] rg_lru_block make_rg_lru_block(recurrent_gemma_config const& config, Source& source,
                                             std::string const& name) {
  auto const width = config.lru_width;
  auto const block = width / config.heads;
  auto const gate = [&](std::string const& which) {
    return block_diagonal_gate{
        .weight = widen_all(source.take(name + "rg_lru." + which + "_weight", {config.heads, block, block})),
        .bias = widen_all(source.take(name + "rg_lru." + which + "_bias", {config.heads, block})),
        .heads = config.heads};
  };
  auto rate = widen_all(source.take(name + "rg_lru.recurrent_param", {width}));
  for (auto& value : rate) value = -8 * softplus(value);
  return {.input = take_linear(source, name + "linear_x", width, config.width, true),
          .gate = take_linear(source, name + "linear_y", width, config.width, true),
          .output = take_linear(source, name + "linear_out", config.width, width, true),
          .convolution = take_convolution(source, name + "conv_1d", width, config.convolution_width),
          .input_gate = gate("input_gate"),
          .recurrent_gate = gate("recurrent_gate"),
          .rate = std::move(rate)};
}

/// RecurrentGemma from its tensors. Embeddings are scaled by sqrt(width) rounded to bfloat16; norms have gain 1 + w.
/// Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(recurrent_gemma_config const& config, Source& source) {
  auto const norm = [&](std::string const& name) {
    return take_norm(source, name, config.width, config.norm_epsilon, 1);
  };
  model made{.architecture = config.architecture,
             .embedding = source.take("model.embed_tokens.weight", {config.vocabulary, config.width})};
  made.embedding_scale = static_cast<float>(static_cast<Eigen::bfloat16>(std::sqrt(static_cast<float>(config.width))));
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    auto const hidden = config.intermediate / 2;
    layer next{.mixer_norm = norm(name + "temporal_pre_norm"), .feed_forward_norm = norm(name + "channel_pre_norm")};
    if (config.attends[at]) next.attention = make_local_attention(config, source, name + "temporal_block.");
    else next.recurrent = make_rg_lru_block(config, source, name + "temporal_block.");
    next.feed_forward = mlp{.gate = take_linear(source, name + "mlp_block.gate_proj", hidden, config.width, true),
                            .up = take_linear(source, name + "mlp_block.up_proj", hidden, config.width, true),
                            .down = take_linear(source, name + "mlp_block.down_proj", config.width, hidden, true),
                            .function = config.function};
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.final_norm"));
  made.logit_cap = config.logit_cap;
  return made;
}

}  // namespace headcount::v0::reference
