#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/gather_rows.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// Granite 4: Mamba-2 and attention, experts beside an MLP, and multipliers (muP) everywhere.
/// Source: transformers' GraniteMoeHybridConfig.
struct granite_hybrid_config : common_config {
  std::vector<bool> attends{};  ///< per layer: attention, or Mamba-2
  mamba2_config mamba{};
  std::optional<rotary_embedding> rope{};  ///< none for `nope`
  bool attention_bias = false;
  std::size_t experts = 0;
  std::size_t chosen_experts = 0;
  std::size_t shared_width = 0;
  float embedding_scale = 1;
  float residual_scale = 1;
  float attention_scale = 1;  ///< of the logits of keys, in the place of 1 / sqrt(head_dim)
  float logits_divisor = 1;
};

/// transformers' GraniteMoeHybridConfig. Throws headcount::error, naming file and key.
[[nodiscard]] inline granite_hybrid_config read_granite_hybrid(config_reader const& file) {
  granite_hybrid_config config{read_common(file, "GraniteMoeHybridForCausalLM")};
  config.function = read_activation(file, "hidden_act", "silu");
  config.head_dim = read_head_dim(file, config);
  config.attends = read_attention_pattern(file, config.layers).value_or(std::vector<bool>(config.layers));
  // A Granite without Mamba need not say how large one would be.
  if (std::ranges::find(config.attends, false) != config.attends.end())
    config.mamba = read_mamba2(file, config, file.count("mamba_expand", 2) * config.width);
  if (file.is("position_embedding_type", "rope")) config.rope = read_rope(file, config.head_dim);
  else if (file.text("position_embedding_type", "nope") != "nope") file.fail("position_embedding_type", "rope, nope");
  config.attention_bias = file.flag("attention_bias", false);
  config.experts = file.count("num_local_experts", 0, 0);
  config.chosen_experts = file.count("num_experts_per_tok", 0, 0);
  if (config.experts > 0 && (config.chosen_experts == 0 || config.chosen_experts > config.experts))
    file.fail("num_experts_per_tok", "1 to num_local_experts");
  config.shared_width = file.count("shared_intermediate_size");
  config.embedding_scale = read_scale(file, "embedding_multiplier");
  config.residual_scale = read_scale(file, "residual_multiplier");
  config.attention_scale = read_scale(file, "attention_multiplier");
  config.logits_divisor = read_scale(file, "logits_scaling");
  if (config.logits_divisor == 0) file.fail("logits_scaling", "a number that is not 0");
  return config;
}

/// Experts of a layer, `[expert, ...]` in two tensors; the router's softmax is over the chosen. `scale` multiplies all.
template <weight_source Source>
[[nodiscard]] experts make_experts(granite_hybrid_config const& config, Source& source, std::string const& name) {
  auto const gate_up =
      source.take(name + "input_linear.weight", {config.experts, 2 * config.intermediate, config.width});
  auto const down = source.take(name + "output_linear.weight", {config.experts, config.width, config.intermediate});
  reference::experts block{.router = take_linear(source, name + "router.layer", config.experts, config.width),
                           .chosen = config.chosen_experts,
                           .renormalised = true};
  for (std::size_t expert = 0; expert < config.experts; ++expert)
    block.members.push_back(fused_mlp(config, part_of(gate_up, expert), part_of(down, expert)));
  return block;
}

/// Granite 4 from its tensors. The residual multiplier goes into the last map of each block. Throws what `source`
/// throws.
template <weight_source Source>
[[nodiscard]] model make_model(granite_hybrid_config const& config, Source& source) {
  auto const norm = [&](std::string const& name) { return take_norm(source, name, config.width, config.norm_epsilon); };
  auto made = begin_model(config, source);
  made.embedding_scale = config.embedding_scale;
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    layer next{.mixer_norm = norm(name + "input_layernorm"),
               .feed_forward_norm = norm(name + "post_attention_layernorm")};
    if (config.attends[at]) {
      next.attention = take_attention(config, source, name + "self_attn.", config.attention_bias);
      next.attention->rotary = config.rope;
      next.attention->scale = config.attention_scale;
      multiply(next.attention->output, config.residual_scale);
    } else {
      auto block = take_mamba2(config.mamba, config.width, source, name + "mamba.");
      multiply(block.out_projection, config.residual_scale);
      next.recurrent = std::move(block);
    }
    auto shared =
        fused_mlp(config, source.take(name + "shared_mlp.input_linear.weight", {2 * config.shared_width, config.width}),
                  source.take(name + "shared_mlp.output_linear.weight", {config.width, config.shared_width}));
    multiply(shared.down, config.residual_scale);
    if (config.experts > 0) {
      auto block = make_experts(config, source, name + "block_sparse_moe.");
      block.scale = config.residual_scale;
      block.shared = std::move(shared);
      next.feed_forward = std::move(block);
    } else {
      next.feed_forward = std::move(shared);
    }
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.norm"));
  made.head.scale = 1 / config.logits_divisor;
  return made;
}

}  // namespace headcount::v0::reference
