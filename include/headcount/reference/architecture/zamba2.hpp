#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/gather_rows.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// Zamba2: Mamba-2 in every layer; some read first what one of a few shared transformer blocks makes of the layer's
/// input and the embeddings. Each such layer has adapters of its own in its block.
/// Source: Glorioso et al. 2024, arXiv 2411.15242; transformers' Zamba2Config.
struct zamba2_config : common_config {
  std::vector<bool> attends{};  ///< per layer: through a shared block, or not
  mamba2_config mamba{};
  std::optional<rotary_embedding> rope{};
  std::size_t shared_blocks = 1;
  std::size_t adapter_rank = 1;
  bool adapts_attention = false;
  bool bias = false;  ///< add_bias_linear
};

/// transformers' Zamba2Config. Throws headcount::error, naming file and key.
[[nodiscard]] inline zamba2_config read_zamba2(config_reader const& file) {
  zamba2_config config{read_common(file, "Zamba2ForCausalLM", {.tied = true, .usual_epsilon = 1e-5})};
  config.function = read_activation(file, "hidden_act", "gelu");
  config.head_dim = file.count("attention_head_dim", 2 * config.width / config.heads);
  if (config.heads * config.head_dim != 2 * config.width)
    file.fail("num_attention_heads", "heads that make twice hidden_size with attention_head_dim");
  auto const kinds = read_pattern<bool>(file, {"layers_block_type", "layer_types"},
                                        {{"linear_attention", false}, {"mamba", false}, {"hybrid", true}});
  if (!kinds || kinds->size() != config.layers)
    file.fail("layers_block_type", text_of("a list of ", config.layers, " layers"));
  config.attends = *kinds;
  config.bias = file.flag("add_bias_linear", false);
  config.mamba = {.heads = file.count("n_mamba_heads"),
                  .groups = file.count("mamba_ngroups", 1),
                  .states = file.count("mamba_d_state"),
                  .convolution = file.count("mamba_d_conv", 4),
                  .input_bias = config.bias,
                  .output_bias = config.bias,
                  .least_step = static_cast<float>(file.number("time_step_min", 0.001)),
                  .norm_epsilon = 1e-5f};
  auto const channels = file.count("mamba_expand", 2) * config.width;
  config.mamba.head_dim = channels / config.mamba.heads;
  config.mamba.norm_parts = config.mamba.groups;
  if (config.mamba.channels() != channels)
    file.fail("n_mamba_heads", text_of("a divisor of the ", channels, " channels"));
  check_groups(file, config.mamba, "mamba_ngroups");
  if (file.flag("use_mem_rope", false)) config.rope = read_rope(file, config.head_dim);
  config.shared_blocks = file.count("num_mem_blocks", 1);
  config.adapter_rank = file.count("adapter_rank", 128);
  config.adapts_attention = file.flag("use_shared_attention_adapter", false);
  if (config.adapts_attention && config.key_value_heads != config.heads)
    file.fail("num_key_value_heads", "as many as num_attention_heads, where attention has adapters");
  return config;
}

/// The shared block of a layer, under `name`, with the adapters that number `which` of the layers with one has in it.
template <weight_source Source>
void take_shared_block(zamba2_config const& config, Source& source, std::string const& name, std::size_t which,
                       layer& to) {
  auto const both = 2 * config.width;
  auto const adapter_of = [&](std::string const& list, std::size_t in, std::size_t out) {
    auto const one = text_of(name, list, "_adapter_list.", which, ".");
    return adapter{.down = source.take(one + "0.weight", {config.adapter_rank, in}),
                   .up = source.take(one + "1.weight", {out, config.adapter_rank})};
  };
  to.mixer_norm = take_norm(source, name + "input_layernorm", both, config.norm_epsilon);
  auto const queries = config.heads * config.head_dim;
  auto const keys = config.key_value_heads * config.head_dim;
  auto const map = [&](char const* letter, std::size_t rows) {
    auto made = take_linear(source, text_of(name, "self_attn.", letter, "_proj"), rows, both);
    if (config.adapts_attention) made.adapted = adapter_of(text_of("self_attn.linear_", letter), both, rows);
    return made;
  };
  to.attention = attention{.query = map("q", queries),
                           .key = map("k", keys),
                           .value = map("v", keys),
                           .output = take_linear(source, name + "self_attn.o_proj", config.width, queries),
                           .heads = config.heads,
                           .key_value_heads = config.key_value_heads,
                           .head_dim = config.head_dim,
                           .rotary = config.rope,
                           .scale = 1 / std::sqrt(static_cast<float>(config.head_dim) / 2)};

  to.feed_forward_norm = take_norm(source, name + "pre_ff_layernorm", config.width, config.norm_epsilon);
  auto const hidden = config.intermediate;
  auto const gate_up = take_linear(source, name + "feed_forward.gate_up_proj", 2 * hidden, config.width, config.bias);
  auto const adapted = adapter_of("feed_forward.gate_up_proj", config.width, 2 * hidden);
  auto const half = [&](std::size_t begin) {
    linear part{.weight = some_rows(gate_up.weight, begin, hidden),
                .adapted = adapter{.down = adapted.down, .up = some_rows(adapted.up, begin, hidden)}};
    if (config.bias)
      part.bias.assign(gate_up.bias.begin() + static_cast<std::ptrdiff_t>(begin),
                       gate_up.bias.begin() + static_cast<std::ptrdiff_t>(begin + hidden));
    return part;
  };
  to.feed_forward = mlp{.gate = half(0),
                        .up = half(hidden),
                        .down = take_linear(source, name + "feed_forward.down_proj", config.width, hidden, config.bias),
                        .function = config.function};
}

/// Zamba2 from its tensors. The blocks are stored under the first layers that use them; a layer's own is taken where
/// the file has one. Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(zamba2_config const& config, Source& source) {
  auto const norm = [&](std::string const& name) { return take_norm(source, name, config.width, config.norm_epsilon); };
  auto made = begin_model(config, source);
  std::vector<std::string> blocks;  // names of the shared ones
  std::size_t hybrids = 0;
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    layer next;
    if (config.attends[at]) {
      auto const own = name + "shared_transformer.";
      if (blocks.size() < config.shared_blocks) blocks.push_back(own);
      bool const has_own = !source.shape_of(own + "self_attn.q_proj.weight").empty();
      next.order = layer_order::shared;
      take_shared_block(config, source, has_own ? own : blocks[hybrids % blocks.size()], hybrids, next);
      next.reentry = take_linear(source, name + "linear", config.width, config.width);
      next.recurrent_norm = norm(name + "mamba_decoder.input_layernorm");
      next.recurrent = take_mamba2(config.mamba, config.width, source, name + "mamba_decoder.mamba.");
      ++hybrids;
    } else {
      next.mixer_norm = norm(name + "input_layernorm");
      next.recurrent = take_mamba2(config.mamba, config.width, source, name + "mamba.");
    }
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.final_layernorm"));
  return made;
}

}  // namespace headcount::v0::reference
