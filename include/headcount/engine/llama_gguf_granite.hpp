#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ggml.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/llama_gguf_file.hpp>
#include <headcount/engine/llama_gguf_mamba2.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/granite_hybrid.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>

namespace headcount::v0::evaluate {

/// Granite 4 as llama.cpp reads it. Source: llama.cpp, conversion/granite.py. Throws headcount::error for what its
/// Granite has not.
[[nodiscard]] inline gguf_file write_granite_hybrid(reference::config_reader const& file, reference::checkpoint& files,
                                                    ggml_type matrices) {
  auto const config = reference::read_granite_hybrid(file);
  auto const& mamba = config.mamba;
  auto const refuse = [](char const* what) { fail("to-gguf", text_of("llama.cpp reads Granite 4 ", what)); };
  if (std::ranges::find(config.attends, false) == config.attends.end()) refuse("with Mamba-2 layers");
  if (mamba.channels() != 2 * config.width) refuse("with mamba_expand 2");
  if (mamba.least_step > 0 || !std::isinf(mamba.most_step)) refuse("without a time_step_limit");
  if (mamba.input_bias || mamba.output_bias || config.attention_bias) refuse("without biases of projections");
  if (mamba.groups != mamba.norm_parts) refuse("with a norm of each Mamba group");
  if (config.function != reference::activation::silu) refuse("with silu");
  gguf_file made{"granitehybrid", matrices};
  std::vector<std::uint32_t> shared;
  for (bool const attends : config.attends)
    shared.push_back(attends ? static_cast<std::uint32_t>(config.key_value_heads) : 0);
  made.set("block_count", config.layers);
  made.set("context_length", file.count("max_position_embeddings", 131072));
  made.set("embedding_length", config.width);
  made.set("feed_forward_length", config.experts > 0 ? config.intermediate : config.shared_width);
  made.set("attention.head_count", config.heads);
  made.set("attention.head_count_kv", shared);
  made.set("attention.key_length", config.head_dim);
  made.set("attention.value_length", config.head_dim);
  made.set("attention.layer_norm_rms_epsilon", config.norm_epsilon);
  made.set("attention.scale", config.attention_scale);
  made.set("embedding_scale", config.embedding_scale);
  made.set("residual_scale", config.residual_scale);
  made.set("logit_scale", config.logits_divisor);
  made.set("rope.scaling.finetuned", config.rope.has_value());
  if (config.rope) {
    auto const base = file.section("rope_parameters").number("rope_theta", file.number("rope_theta", 10000));
    made.set("rope.freq_base", static_cast<float>(base));
    made.set("rope.dimension_count", 2 * config.rope->frequencies.size());
  }
  describe_mamba2(mamba, made);
  made.set("expert_count", config.experts);
  made.set("expert_used_count", config.experts > 0 ? config.chosen_experts : 0);
  if (config.experts > 0) made.set("expert_shared_feed_forward_length", config.shared_width);
  made.set("vocab_size", config.vocabulary);
  gguf_tensors tensors{files, made};
  tensors.copy("model.embed_tokens.weight", "token_embd.weight");
  tensors.copy("model.norm.weight", "output_norm.weight");
  tensors.copy_if_there("lm_head.weight", "output.weight");
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const from = text_of("model.layers.", at, ".");
    auto const to = text_of("blk.", at, ".");
    tensors.copy(from + "input_layernorm.weight", to + "attn_norm.weight");
    tensors.copy(from + "post_attention_layernorm.weight", to + "ffn_norm.weight");
    if (config.attends[at]) {
      tensors.copy_rotated(from + "self_attn.q_proj.weight", to + "attn_q.weight", config.heads);
      tensors.copy_rotated(from + "self_attn.k_proj.weight", to + "attn_k.weight", config.key_value_heads);
      tensors.copy(from + "self_attn.v_proj.weight", to + "attn_v.weight");
      tensors.copy(from + "self_attn.o_proj.weight", to + "attn_output.weight");
    } else {
      write_mamba2(mamba, tensors, from + "mamba.", to);
    }
    std::string const end = config.experts > 0 ? "_shexp.weight" : ".weight";
    tensors.copy_halves(from + "shared_mlp.input_linear.weight", to + "ffn_gate" + end, to + "ffn_up" + end);
    tensors.copy(from + "shared_mlp.output_linear.weight", to + "ffn_down" + end);
    if (config.experts == 0) continue;
    tensors.copy(from + "block_sparse_moe.router.layer.weight", to + "ffn_gate_inp.weight");
    tensors.copy_halves(from + "block_sparse_moe.input_linear.weight", to + "ffn_gate_exps.weight",
                        to + "ffn_up_exps.weight");
    tensors.copy(from + "block_sparse_moe.output_linear.weight", to + "ffn_down_exps.weight");
  }
  made.add_words(files.folder(), config);
  return made;
}

}  // namespace headcount::v0::evaluate
