#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ggml.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/llama_gguf_file.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/lfm2.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>

namespace headcount::v0::evaluate {

/// LFM2 as llama.cpp reads it. Source: llama.cpp, conversion/lfm2.py. Throws headcount::error for what its LFM2 has
/// not.
[[nodiscard]] inline gguf_file write_lfm2(reference::config_reader const& file, reference::checkpoint& files,
                                          ggml_type matrices) {
  auto const config = reference::read_lfm2(file);
  if (config.convolution_bias || config.heads * config.head_dim != config.width ||
      config.function != reference::activation::silu)
    fail("to-gguf", "llama.cpp reads LFM2 with heads as wide as the model, silu, and convolutions without bias");
  gguf_file made{"lfm2", matrices};
  std::vector<std::uint32_t> shared;
  for (bool const attends : config.attends)
    shared.push_back(attends ? static_cast<std::uint32_t>(config.key_value_heads) : 0);
  made.set("block_count", config.layers);
  made.set("context_length", file.count("max_position_embeddings", 128000));
  made.set("embedding_length", config.width);
  made.set("feed_forward_length", config.intermediate);
  made.set("attention.head_count", config.heads);
  made.set("attention.head_count_kv", shared);
  made.set("attention.layer_norm_rms_epsilon", config.norm_epsilon);
  made.set("shortconv.l_cache", config.convolution);
  made.set("vocab_size", config.vocabulary);
  auto const base = file.section("rope_parameters").number("rope_theta", file.number("rope_theta", 1e6));
  made.set("rope.freq_base", static_cast<float>(base));
  made.set("rope.dimension_count", 2 * config.rope.frequencies.size());
  gguf_tensors tensors{files, made};
  tensors.copy("model.embed_tokens.weight", "token_embd.weight");
  tensors.copy("model.embedding_norm.weight", "token_embd_norm.weight");  // of the outputs, whatever it is called
  tensors.copy_if_there("lm_head.weight", "output.weight");
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const from = text_of("model.layers.", at, ".");
    auto const to = text_of("blk.", at, ".");
    auto const copy = [&](char const* a, char const* b) { tensors.copy(from + a, to + b); };
    copy("operator_norm.weight", "attn_norm.weight");
    copy("ffn_norm.weight", "ffn_norm.weight");
    if (config.attends[at]) {
      copy("self_attn.q_proj.weight", "attn_q.weight");
      copy("self_attn.k_proj.weight", "attn_k.weight");
      copy("self_attn.v_proj.weight", "attn_v.weight");
      copy("self_attn.out_proj.weight", "attn_output.weight");
      copy("self_attn.q_layernorm.weight", "attn_q_norm.weight");
      copy("self_attn.k_layernorm.weight", "attn_k_norm.weight");
    } else {
      copy("conv.in_proj.weight", "shortconv.in_proj.weight");
      copy("conv.conv.weight", "shortconv.conv.weight");
      copy("conv.out_proj.weight", "shortconv.out_proj.weight");
    }
    copy("feed_forward.w1.weight", "ffn_gate.weight");
    copy("feed_forward.w3.weight", "ffn_up.weight");
    copy("feed_forward.w2.weight", "ffn_down.weight");
  }
  made.add_words(files.folder(), config);
  return made;
}

}  // namespace headcount::v0::evaluate
