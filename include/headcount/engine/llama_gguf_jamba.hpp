#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ggml.h>

#include <headcount/core/text.hpp>
#include <headcount/engine/llama_gguf_file.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/jamba.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>

namespace headcount::v0::evaluate {

/// Jamba as llama.cpp reads it. Source: llama.cpp, conversion/jamba.py.
/// Throws headcount::error for what llama.cpp's Jamba has not.
[[nodiscard]] inline gguf_file write_jamba(reference::config_reader const& file, reference::checkpoint& files,
                                           ggml_type matrices) {
  auto const config = reference::read_jamba(file);
  if (config.mamba_channels != 2 * config.width || config.heads * config.head_dim != config.width ||
      config.mamba_projection_bias || !config.mamba_convolution_bias)
    fail("to-gguf",
         "llama.cpp reads Jamba with mamba_expand 2, heads as wide as the model, a bias of the "
         "convolution and none of Mamba's projections");
  gguf_file made{"jamba", matrices};
  std::vector<std::uint32_t> shared;
  for (bool const attends : config.attends)
    shared.push_back(attends ? static_cast<std::uint32_t>(config.key_value_heads) : 0);
  made.set("block_count", config.layers);
  made.set("context_length", file.count("max_position_embeddings", 262144));
  made.set("embedding_length", config.width);
  made.set("feed_forward_length", config.intermediate);
  made.set("attention.head_count", config.heads);
  made.set("attention.head_count_kv", shared);
  made.set("ssm.conv_kernel", config.mamba_convolution);
  made.set("ssm.inner_size", config.mamba_channels);
  made.set("ssm.state_size", config.mamba_states);
  made.set("ssm.time_step_rank", config.mamba_rank);
  made.set("attention.layer_norm_rms_epsilon", static_cast<float>(config.norm_epsilon));
  bool const routes = std::ranges::find(config.routes, true) != config.routes.end();
  made.set("expert_count", routes ? config.experts : 0);
  made.set("expert_used_count", routes ? config.chosen_experts : 0);
  gguf_tensors tensors{files, made};
  tensors.copy("model.embed_tokens.weight", "token_embd.weight");
  tensors.copy("model.final_layernorm.weight", "output_norm.weight");
  tensors.copy_if_there("lm_head.weight", "output.weight");
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const from = text_of("model.layers.", at, ".");
    auto const to = text_of("blk.", at, ".");
    auto const copy = [&](char const* a, char const* b) { tensors.copy(from + a, to + b); };
    copy("input_layernorm.weight", "attn_norm.weight");
    copy("pre_ff_layernorm.weight", "ffn_norm.weight");
    if (config.attends[at]) {
      copy("self_attn.q_proj.weight", "attn_q.weight");
      copy("self_attn.k_proj.weight", "attn_k.weight");
      copy("self_attn.v_proj.weight", "attn_v.weight");
      copy("self_attn.o_proj.weight", "attn_output.weight");
    } else {
      copy("mamba.in_proj.weight", "ssm_in.weight");
      copy("mamba.conv1d.weight", "ssm_conv1d.weight");
      copy("mamba.conv1d.bias", "ssm_conv1d.bias");
      copy("mamba.x_proj.weight", "ssm_x.weight");
      copy("mamba.dt_proj.weight", "ssm_dt.weight");
      copy("mamba.dt_proj.bias", "ssm_dt.bias");
      copy("mamba.dt_layernorm.weight", "ssm_dt_norm.weight");
      copy("mamba.b_layernorm.weight", "ssm_b_norm.weight");
      copy("mamba.c_layernorm.weight", "ssm_c_norm.weight");
      tensors.copy_decay(from + "mamba.A_log", to + "ssm_a");
      copy("mamba.D", "ssm_d");
      copy("mamba.out_proj.weight", "ssm_out.weight");
    }
    for (std::string const which : {"gate", "up", "down"}) {
      auto const end = which + "_proj.weight";
      if (!config.routes[at]) {
        tensors.copy(from + "feed_forward." + end, to + "ffn_" + which + ".weight");
        continue;
      }
      std::vector<std::string> experts;
      for (std::size_t i = 0; i < config.experts; ++i)
        experts.push_back(text_of(from, "feed_forward.experts.", i, ".", end));
      tensors.stack(experts, to + "ffn_" + which + "_exps.weight");
    }
    if (config.routes[at]) copy("feed_forward.router.weight", "ffn_gate_inp.weight");
  }
  made.add_words(files.folder(), config);
  return made;
}

}  // namespace headcount::v0::evaluate
