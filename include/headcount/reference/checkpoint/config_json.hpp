#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/reference/model/config.hpp>

namespace headcount::v0::reference {

/// The activation that a configuration names under `key`. Throws headcount::error, naming file and key, for another.
[[nodiscard]] inline activation read_activation(config_reader const& file, char const* key, char const* otherwise) {
  auto const name = file.text(key, otherwise);
  if (name == "silu" || name == "swish") return activation::silu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new") return activation::gelu_tanh;
  file.fail(key, "silu, gelu_pytorch_tanh");
}

/// What both architectures have in their config.json. Throws headcount::error, naming file and key.
[[nodiscard]] inline common_config read_common(config_reader const& file, std::string const& architecture, bool tied) {
  common_config config;
  config.architecture = architecture;
  config.vocabulary = file.count("vocab_size");
  config.width = file.count("hidden_size");
  config.layers = file.count("num_hidden_layers");
  config.heads = file.count("num_attention_heads");
  config.key_value_heads = file.count("num_key_value_heads", config.heads);
  config.intermediate = file.count("intermediate_size");
  config.norm_epsilon = static_cast<float>(file.number("rms_norm_eps", 1e-6));
  config.tied_embeddings = file.flag("tie_word_embeddings", tied);
  if (auto const bos = file.tokens("bos_token_id"); !bos.empty()) config.bos = bos.front();
  config.eos = file.tokens("eos_token_id");
  config.stored_dtype = file.text("dtype", file.text("torch_dtype", "unknown"));  // transformers 5 renamed it
  if (config.heads % config.key_value_heads != 0) file.fail("num_key_value_heads", "a divisor of num_attention_heads");
  if (!(config.norm_epsilon >= 0 && config.norm_epsilon <= 1)) file.fail("rms_norm_eps", "a number from 0 to 1");
  if (config.layers > 1024) file.fail("num_hidden_layers", "at most 1024");
  return config;
}

/// transformers' RecurrentGemmaConfig, as versions 4.40 to 5.x write it.
[[nodiscard]] inline recurrent_gemma_config read_recurrent_gemma(config_reader const& file) {
  recurrent_gemma_config config{read_common(file, "RecurrentGemmaForCausalLM", true)};
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

/// transformers' JambaConfig, as versions 4.40 to 5.x write it.
[[nodiscard]] inline jamba_config read_jamba(config_reader const& file) {
  jamba_config config{read_common(file, "JambaForCausalLM", false)};
  config.function = read_activation(file, "hidden_act", "silu");
  config.experts = file.count("num_experts", 16);
  config.chosen_experts = file.count("num_experts_per_tok", 2);
  config.mamba_states = file.count("mamba_d_state", 16);
  config.mamba_convolution = file.count("mamba_d_conv", 4);
  config.mamba_channels = file.count("mamba_expand", 2) * config.width;
  config.mamba_rank = file.is("mamba_dt_rank", "auto") ? (config.width + 15) / 16
                                                       : file.count("mamba_dt_rank", (config.width + 15) / 16);
  config.mamba_convolution_bias = file.flag("mamba_conv_bias", true);
  config.mamba_projection_bias = file.flag("mamba_proj_bias", false);
  // transformers takes the key since its Jamba derives from Llama; older ones divide.
  if (!file.has("head_dim") && config.width % config.heads != 0)
    file.fail("hidden_size", "a multiple of num_attention_heads, where there is no head_dim");
  config.head_dim = file.count("head_dim", config.width / config.heads);
  if (config.experts > 1 && config.chosen_experts > config.experts)
    file.fail("num_experts_per_tok", "at most num_experts");

  auto const periodic = [&](char const* period_key, char const* offset_key, std::size_t period_default,
                            std::size_t offset_default) {
    auto const period = file.count(period_key, period_default);
    auto const offset = file.count(offset_key, offset_default, 0);
    if (offset >= period) file.fail(offset_key, text_of("less than ", period_key));
    std::vector<bool> layers(config.layers);
    for (std::size_t layer = offset; layer < config.layers; layer += period) layers[layer] = true;
    return layers;
  };
  config.attends = periodic("attn_layer_period", "attn_layer_offset", 8, 4);
  config.routes = periodic("expert_layer_period", "expert_layer_offset", 2, 1);
  if (config.experts == 1) config.routes.assign(config.layers, false);
  return config;
}

/// A model's configuration from the JSON of `name`, its config.json. Throws headcount::error that names the file and
/// the key where something is missing, of the wrong type or out of range, and the architectures that are known when it
/// is another.
[[nodiscard]] inline model_config read_config(std::string const& name, nlohmann::json const& json) {
  config_reader const file{name, json};
  auto const type = file.text("model_type");
  if (type == "recurrent_gemma") return read_recurrent_gemma(file);
  if (type == "jamba") return read_jamba(file);
  file.fail("model_type", "recurrent_gemma, jamba");
}

/// Reads a model's config.json; throws as above, and when it cannot be read.
[[nodiscard]] inline model_config read_config(std::filesystem::path const& path) {
  return read_config(path.string(), read_json(path));
}

}  // namespace headcount::v0::reference
