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
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/gather_rows.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// Qwen3-Next and Qwen3.5: gated DeltaNet and gated attention.
/// Source: transformers' Qwen3NextConfig and Qwen3_5TextConfig.
struct qwen3_config : common_config {
  std::string prefix = "model.";  ///< of the tensors' names
  bool fused = true;              ///< Qwen3-Next: projections of the recurrence interleaved in two tensors
  std::vector<bool> attends{};    ///< per layer: attention, or gated DeltaNet
  std::vector<bool> routes{};     ///< per layer: experts, or one MLP
  gated_delta_config delta{};
  rotary_embedding rope{};
  bool attention_bias = false;
  std::size_t experts = 0;
  std::size_t chosen_experts = 0;
  std::size_t expert_width = 0;
  std::size_t shared_width = 0;
  bool renormalised = true;
};

/// What both have in their files. Throws headcount::error, naming file and key.
[[nodiscard]] inline qwen3_config read_qwen3(config_reader const& file, std::string const& name, bool tied = false) {
  qwen3_config config{read_common(file, name, {.tied = tied})};
  config.function = read_activation(file, "hidden_act", "silu");
  config.head_dim = read_head_dim(file, config);
  config.delta = read_gated_delta(file);
  config.rope = read_rope(file, config.head_dim, 0.25);
  config.attention_bias = file.flag("attention_bias", false);
  auto const pattern = read_attention_pattern(file, config.layers);
  auto const interval = file.count("full_attention_interval", 4);
  for (std::size_t at = 0; at < config.layers; ++at)
    config.attends.push_back(pattern ? (*pattern)[at] : (at + 1) % interval == 0);
  config.routes.assign(config.layers, false);
  return config;
}

/// transformers' Qwen3NextConfig.
[[nodiscard]] inline qwen3_config read_qwen3_next(config_reader const& file) {
  auto config = read_qwen3(file, "Qwen3NextForCausalLM");
  config.experts = file.count("num_experts", 512, 0);
  config.chosen_experts = file.count("num_experts_per_tok", 10, 0);
  config.expert_width = file.count("moe_intermediate_size", 512, 0);
  config.shared_width = file.count("shared_expert_intermediate_size", 512, 0);
  config.renormalised = file.flag("norm_topk_prob", true);
  auto const plain = file.counts("mlp_only_layers", {});
  auto const every = file.count("decoder_sparse_step", 1);
  for (std::size_t at = 0; at < config.layers; ++at)
    config.routes[at] = config.experts > 0 && (at + 1) % every == 0 && std::ranges::find(plain, at) == plain.end();
  bool const routes = std::ranges::find(config.routes, true) != config.routes.end();
  if (routes && (config.chosen_experts == 0 || config.chosen_experts > config.experts))
    file.fail("num_experts_per_tok", "1 to num_experts");
  if (routes && config.expert_width == 0) file.fail("moe_intermediate_size", "1 or more");
  return config;
}

/// transformers' Qwen3_5TextConfig, alone or as `text_config` of a multimodal file, whose vision tower is left out.
[[nodiscard]] inline qwen3_config read_qwen3_5(config_reader const& file) {
  if (!file.has("text_config")) {
    auto config = read_qwen3(file, "Qwen3_5ForCausalLM");
    config.fused = false;
    return config;
  }
  auto config = read_qwen3(file.section("text_config"), "Qwen3_5ForConditionalGeneration",
                           file.flag("tie_word_embeddings", false));
  config.fused = false;
  config.prefix = "model.language_model.";
  if (config.eos.empty()) config.eos = file.tokens("eos_token_id");
  return config;
}

/// The gated DeltaNet of a layer. In Qwen3-Next the rows of its tensors are, for each key head, those of a query, a
/// key, values and gates (`in_proj_qkvz`), and of writes and decays (`in_proj_ba`).
template <weight_source Source>
[[nodiscard]] gated_delta_net make_gated_delta(qwen3_config const& config, Source& source, std::string const& name) {
  auto const& sizes = config.delta;
  auto block = begin_gated_delta(sizes, source, name, "norm", config.norm_epsilon);
  auto const take = [&](char const* which, std::size_t rows) {
    return take_linear(source, name + which, rows, config.width);
  };
  if (config.fused) {
    auto const repeats = sizes.value_heads / sizes.key_heads;
    auto const all = take("in_proj_qkvz", 2 * sizes.keys() + 2 * sizes.values());
    auto const rows = interleaved(sizes.key_heads,
                                  {sizes.key_dim, sizes.key_dim, repeats * sizes.value_dim, repeats * sizes.value_dim});
    block.query = gather_rows(all, rows[0]);
    block.key = gather_rows(all, rows[1]);
    block.value = gather_rows(all, rows[2]);
    block.gate = gather_rows(all, rows[3]);
    auto const few = take("in_proj_ba", 2 * sizes.value_heads);
    auto const few_rows = interleaved(sizes.key_heads, {repeats, repeats});
    block.write = gather_rows(few, few_rows[0]);
    block.decay = gather_rows(few, few_rows[1]);
  } else {
    auto const all = take("in_proj_qkv", 2 * sizes.keys() + sizes.values()).weight;
    block.query.weight = some_rows(all, 0, sizes.keys());
    block.key.weight = some_rows(all, sizes.keys(), sizes.keys());
    block.value.weight = some_rows(all, 2 * sizes.keys(), sizes.values());
    block.gate = take("in_proj_z", sizes.values());
    block.write = take("in_proj_b", sizes.value_heads);
    block.decay = take("in_proj_a", sizes.value_heads);
  }
  block.output = take_linear(source, name + "out_proj", config.width, sizes.values());
  block.convolution =
      take_convolution(source, name + "conv1d", 2 * sizes.keys() + sizes.values(), sizes.convolution, false);
  return block;
}

/// The gated attention of a layer; `q_proj` has, for each head, the rows of its query and those of its gate.
template <weight_source Source>
[[nodiscard]] attention make_gated_attention(qwen3_config const& config, Source& source, std::string const& name) {
  auto const bias = config.attention_bias;
  auto const queries = config.heads * config.head_dim;
  auto const keys = config.key_value_heads * config.head_dim;
  auto const norm = [&](char const* which) {
    return take_norm(source, name + which, config.head_dim, config.norm_epsilon, 1);
  };
  auto const both = take_linear(source, name + "q_proj", 2 * queries, config.width, bias);
  auto const rows = interleaved(config.heads, {config.head_dim, config.head_dim});
  return {.query = gather_rows(both, rows[0]),
          .key = take_linear(source, name + "k_proj", keys, config.width, bias),
          .value = take_linear(source, name + "v_proj", keys, config.width, bias),
          .output = take_linear(source, name + "o_proj", config.width, queries, bias),
          .gate = gather_rows(both, rows[1]),
          .heads = config.heads,
          .key_value_heads = config.key_value_heads,
          .head_dim = config.head_dim,
          .rotary = config.rope,
          .query_norm = norm("q_norm"),
          .key_norm = norm("k_norm")};
}

/// Experts of a layer, and the shared one with its gate.
template <weight_source Source>
[[nodiscard]] experts make_experts(qwen3_config const& config, Source& source, std::string const& name) {
  reference::experts block{.router = take_linear(source, name + "gate", config.experts, config.width),
                           .chosen = config.chosen_experts,
                           .renormalised = config.renormalised};
  for (std::size_t expert = 0; expert < config.experts; ++expert)
    block.members.push_back(take_mlp(config, source, text_of(name, "experts.", expert, "."), config.expert_width));
  if (config.shared_width > 0) {
    block.shared = take_mlp(config, source, name + "shared_expert.", config.shared_width);
    block.shared_gate = take_linear(source, name + "shared_expert_gate", 1, config.width);
  }
  return block;
}

/// Qwen3-Next or Qwen3.5 from its tensors; norms have gain 1 + w. Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(qwen3_config const& config, Source& source) {
  auto const norm = [&](std::string const& name) {
    return take_norm(source, name, config.width, config.norm_epsilon, 1);
  };
  auto made = begin_model(config, source, config.prefix + "embed_tokens.weight");
  made.left_out = {"mtp.", "model.visual.", "visual."};
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of(config.prefix, "layers.", at, ".");
    layer next{.mixer_norm = norm(name + "input_layernorm"),
               .feed_forward_norm = norm(name + "post_attention_layernorm")};
    if (config.attends[at]) next.attention = make_gated_attention(config, source, name + "self_attn.");
    else next.recurrent = make_gated_delta(config, source, name + "linear_attn.");
    if (config.routes[at]) next.feed_forward = make_experts(config, source, name + "mlp.");
    else next.feed_forward = take_mlp(config, source, name + "mlp.", config.intermediate);
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm(config.prefix + "norm"));
  return made;
}

}  // namespace headcount::v0::reference
