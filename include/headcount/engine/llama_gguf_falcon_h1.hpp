#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <ggml.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/llama_gguf_file.hpp>
#include <headcount/engine/llama_gguf_mamba2.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/falcon_h1.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>

namespace headcount::v0::evaluate {

/// Falcon-H1 as llama.cpp reads it, multipliers multiplied into the weights. Source: llama.cpp,
/// conversion/falcon_h1.py. Throws headcount::error for what its Falcon-H1 has not.
[[nodiscard]] inline gguf_file write_falcon_h1(reference::config_reader const& file, reference::checkpoint& files,
                                               ggml_type matrices) {
  auto const config = reference::read_falcon_h1(file);
  auto const& mamba = config.mamba;
  auto const refuse = [](char const* what) { fail("to-gguf", text_of("llama.cpp reads Falcon-H1 ", what)); };
  if (mamba.ending == reference::gated_norm::norm_first) refuse("with Mamba's norm after its gate, or none");
  if (mamba.least_step > 0 || !std::isinf(mamba.most_step)) refuse("without a time_step_limit");
  if (mamba.input_bias || mamba.output_bias || config.attention_bias || config.mlp_bias)
    refuse("without biases of projections");
  if (config.function != reference::activation::silu) refuse("with silu");
  gguf_file made{"falcon-h1", matrices};
  made.set("block_count", config.layers);
  made.set("context_length", file.count("max_position_embeddings", 8192));
  made.set("embedding_length", config.width);
  made.set("feed_forward_length", config.intermediate);
  made.set("attention.head_count", config.heads);
  made.set("attention.head_count_kv", config.key_value_heads);
  made.set("attention.key_length", config.head_dim);
  made.set("attention.value_length", config.head_dim);
  made.set("attention.layer_norm_rms_epsilon", config.norm_epsilon);
  auto const base = file.section("rope_parameters").number("rope_theta", file.number("rope_theta", 10000));
  made.set("rope.freq_base", static_cast<float>(base));
  made.set("rope.dimension_count", 2 * config.rope.frequencies.size());
  made.set("vocab_size", config.vocabulary);
  describe_mamba2(mamba, made);
  mamba2_scales scales{.output = config.mamba_out};
  for (std::size_t i = 0; i < 5; ++i) scales.parts[i] = config.mamba_in * config.mamba_parts[i];
  gguf_tensors tensors{files, made};
  auto const copy = [&](std::string const& from, std::string const& to, float factor = 1) {
    tensors.copy_scaled(from, to, {{0, factor}});
  };
  copy("model.embed_tokens.weight", "token_embd.weight", config.embedding_scale);
  bool const has_head = !files.shape_of("lm_head.weight").empty();  // tied ones are multiplied otherwise, too
  copy(has_head ? "lm_head.weight" : "model.embed_tokens.weight", "output.weight", config.head_scale);
  copy("model.final_layernorm.weight", "output_norm.weight");
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const from = text_of("model.layers.", at, ".");
    auto const to = text_of("blk.", at, ".");
    copy(from + "input_layernorm.weight", to + "attn_norm.weight");
    copy(from + "pre_ff_layernorm.weight", to + "ffn_norm");  // without an ending, there alone
    copy(from + "self_attn.q_proj.weight", to + "attn_q.weight", config.attention_in);
    copy(from + "self_attn.k_proj.weight", to + "attn_k.weight", config.attention_in * config.key_scale);
    copy(from + "self_attn.v_proj.weight", to + "attn_v.weight", config.attention_in);
    copy(from + "self_attn.o_proj.weight", to + "attn_output.weight", config.attention_out);
    write_mamba2(mamba, tensors, from + "mamba.", to, scales);
    copy(from + "feed_forward.gate_proj.weight", to + "ffn_gate.weight", config.mlp_scales[0]);
    copy(from + "feed_forward.up_proj.weight", to + "ffn_up.weight");
    copy(from + "feed_forward.down_proj.weight", to + "ffn_down.weight", config.mlp_scales[1]);
  }
  made.add_words(files.folder(), config);
  return made;
}

}  // namespace headcount::v0::evaluate
