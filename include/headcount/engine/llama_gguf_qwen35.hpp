#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <ggml.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/llama_gguf_file.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/qwen3_next.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>

namespace headcount::v0::evaluate {

/// Qwen3.5, and Qwen3-Next without experts, which is the same but for how its tensors lie, as llama.cpp reads Qwen3.5.
/// It goes through value heads key head by key head, the other way round. Source: llama.cpp, conversion/qwen.py. Throws
/// headcount::error for what its Qwen3.5 has not.
[[nodiscard]] inline gguf_file write_qwen35(reference::config_reader const& file, reference::qwen3_config const& config,
                                            reference::checkpoint& files, ggml_type matrices) {
  auto const& delta = config.delta;
  auto const refuse = [](char const* what) { fail("to-gguf", text_of("llama.cpp reads Qwen3.5 ", what)); };
  if (delta.key_dim != delta.value_dim) refuse("with values of gated DeltaNet as wide as keys");
  if (std::ranges::find(config.routes, true) != config.routes.end()) refuse("as written here, without experts");
  if (config.attention_bias) refuse("without biases of attention");
  if (config.function != reference::activation::silu) refuse("with silu");
  gguf_file made{"qwen35", matrices};
  made.set("block_count", config.layers);
  made.set("context_length", file.count("max_position_embeddings", 32768));
  made.set("embedding_length", config.width);
  made.set("feed_forward_length", config.intermediate);
  made.set("attention.head_count", config.heads);
  made.set("attention.head_count_kv", config.key_value_heads);
  made.set("attention.key_length", config.head_dim);
  made.set("attention.value_length", config.head_dim);
  made.set("attention.layer_norm_rms_epsilon", config.norm_epsilon);
  std::vector<bool> recurrent;
  for (bool const attends : config.attends) recurrent.push_back(!attends);
  made.set("attention.recurrent_layers", recurrent);
  auto const base = file.section("rope_parameters").number("rope_theta", file.number("rope_theta", 10000));
  made.set("rope.freq_base", static_cast<float>(base));
  // Pairs take turns between three positions, which are one in texts; with 32 pairs, 11, 11 and 10 as published.
  auto const pairs = config.rope.frequencies.size();
  made.set("rope.dimension_count", 2 * pairs);
  std::vector<std::uint32_t> sections;
  for (std::size_t const more : {2u, 1u, 0u}) sections.push_back(static_cast<std::uint32_t>((pairs + more) / 3));
  sections.push_back(0);
  made.set("rope.dimension_sections", sections);
  made.set("ssm.conv_kernel", delta.convolution);
  made.set("ssm.state_size", delta.key_dim);
  made.set("ssm.group_count", delta.key_heads);
  made.set("ssm.time_step_rank", delta.value_heads);
  made.set("ssm.inner_size", delta.values());
  made.set("vocab_size", config.vocabulary);

  // Value head r of key head g is the (g * repeats + r)th here, and the (r * key heads + g)th there.
  auto const repeats = delta.value_heads / delta.key_heads;
  auto const turned = [&](std::size_t dim) {
    std::vector<std::size_t> order;
    for (std::size_t r = 0; r < repeats; ++r)
      for (std::size_t g = 0; g < delta.key_heads; ++g)
        for (std::size_t i = 0; i < dim; ++i) order.push_back((g * repeats + r) * dim + i);
    return order;
  };
  auto const of_heads = turned(1), of_values = turned(delta.value_dim);
  auto const gathered = [](std::vector<std::size_t> const& rows, std::vector<std::size_t> const& order) {
    std::vector<std::size_t> all;
    for (auto const at : order) all.push_back(rows[at]);
    return all;
  };
  std::vector<std::size_t> unfused(2 * delta.keys());  // queries and keys as they are, values turned
  std::iota(unfused.begin(), unfused.end(), std::size_t{0});
  for (auto const at : of_values) unfused.push_back(2 * delta.keys() + at);

  gguf_tensors tensors{files, made};
  tensors.copy(config.prefix + "embed_tokens.weight", "token_embd.weight");
  tensors.copy_from_one(config.prefix + "norm.weight", "output_norm.weight");
  tensors.copy_if_there("lm_head.weight", "output.weight");
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const from = text_of(config.prefix, "layers.", at, ".");
    auto const to = text_of("blk.", at, ".");
    tensors.copy_from_one(from + "input_layernorm.weight", to + "attn_norm.weight");
    tensors.copy_from_one(from + "post_attention_layernorm.weight", to + "post_attention_norm.weight");
    for (std::string const which : {"gate", "up", "down"})
      tensors.copy(from + "mlp." + which + "_proj.weight", to + "ffn_" + which + ".weight");
    if (config.attends[at]) {
      for (std::string const which : {"q", "k", "v"})
        tensors.copy(from + "self_attn." + which + "_proj.weight", to + "attn_" + which + ".weight");
      tensors.copy(from + "self_attn.o_proj.weight", to + "attn_output.weight");
      tensors.copy_from_one(from + "self_attn.q_norm.weight", to + "attn_q_norm.weight");
      tensors.copy_from_one(from + "self_attn.k_norm.weight", to + "attn_k_norm.weight");
      continue;
    }
    auto const own = from + "linear_attn.";
    if (config.fused) {
      auto const wide = repeats * delta.value_dim;
      auto const all = reference::interleaved(delta.key_heads, {delta.key_dim, delta.key_dim, wide, wide});
      auto rows = all[0];
      rows.insert(rows.end(), all[1].begin(), all[1].end());
      for (auto const value : gathered(all[2], of_values)) rows.push_back(value);
      tensors.copy_rows(own + "in_proj_qkvz.weight", to + "attn_qkv.weight", rows);
      tensors.copy_rows(own + "in_proj_qkvz.weight", to + "attn_gate.weight", gathered(all[3], of_values));
      auto const few = reference::interleaved(delta.key_heads, {repeats, repeats});
      tensors.copy_rows(own + "in_proj_ba.weight", to + "ssm_beta.weight", gathered(few[0], of_heads));
      tensors.copy_rows(own + "in_proj_ba.weight", to + "ssm_alpha.weight", gathered(few[1], of_heads));
    } else {
      tensors.copy_rows(own + "in_proj_qkv.weight", to + "attn_qkv.weight", unfused);
      tensors.copy_rows(own + "in_proj_z.weight", to + "attn_gate.weight", of_values);
      tensors.copy_rows(own + "in_proj_b.weight", to + "ssm_beta.weight", of_heads);
      tensors.copy_rows(own + "in_proj_a.weight", to + "ssm_alpha.weight", of_heads);
    }
    tensors.copy_rows(own + "conv1d.weight", to + "ssm_conv1d.weight", unfused);
    tensors.copy_rows(own + "dt_bias", to + "ssm_dt.bias", of_heads);
    tensors.copy_decay_of(own + "A_log", to + "ssm_a", of_heads);
    tensors.copy(own + "norm.weight", to + "ssm_norm.weight");
    tensors.copy_columns(own + "out_proj.weight", to + "ssm_out.weight", of_values);
  }
  made.add_words(files.folder(), config);
  return made;
}

}  // namespace headcount::v0::evaluate
