#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/block/activation.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>

namespace headcount::v0::reference {

// What the config.json files of several model types have in common. Everything here throws headcount::error, naming
// file and key, where a value is missing, of the wrong type, out of range, or asks for what is not implemented.

/// The activation that a configuration names under `key`.
[[nodiscard]] inline activation read_activation(config_reader const& file, char const* key, char const* otherwise) {
  auto const name = file.text(key, otherwise);
  if (name == "silu" || name == "swish") return activation::silu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_new") return activation::gelu_tanh;
  if (name == "gelu") return activation::gelu;
  if (name == "relu2") return activation::relu_squared;
  file.fail(key, "silu, gelu, gelu_pytorch_tanh, relu2");
}

/// Where model types differ in what they call the same things.
struct common_names {
  bool tied = false;  ///< when nothing is said
  char const* epsilon = "rms_norm_eps";
  double usual_epsilon = 1e-6;
  char const* intermediate = "intermediate_size";
  std::optional<std::size_t> layers{};  ///< when the pattern says how many there are
};

/// What every architecture has in its config.json.
[[nodiscard]] inline common_config read_common(config_reader const& file, std::string const& architecture,
                                               common_names const& names = {}) {
  common_config config;
  config.architecture = architecture;
  config.vocabulary = file.count("vocab_size");
  config.width = file.count("hidden_size");
  config.layers = names.layers ? *names.layers : file.count("num_hidden_layers");
  config.heads = file.count("num_attention_heads");
  config.key_value_heads = file.count("num_key_value_heads", config.heads);
  config.intermediate = file.count(names.intermediate);
  config.norm_epsilon = static_cast<float>(file.number(names.epsilon, names.usual_epsilon));
  config.tied_embeddings = file.flag("tie_word_embeddings", names.tied);
  if (auto const bos = file.tokens("bos_token_id"); !bos.empty()) config.bos = bos.front();
  config.eos = file.tokens("eos_token_id");
  config.stored_dtype = file.text("dtype", file.text("torch_dtype", "unknown"));  // transformers 5 renamed it
  if (config.heads % config.key_value_heads != 0) file.fail("num_key_value_heads", "a divisor of num_attention_heads");
  if (!(config.norm_epsilon >= 0 && config.norm_epsilon <= 1)) file.fail(names.epsilon, "a number from 0 to 1");
  if (config.layers > 1024) file.fail("num_hidden_layers", "at most 1024");
  return config;
}

/// The size of a head: the key where it is there, else the width divided by the heads, which must go evenly.
[[nodiscard]] inline std::size_t read_head_dim(config_reader const& file, common_config const& config,
                                               char const* key = "head_dim") {
  if (file.has(key)) return file.count(key);
  if (config.width % config.heads != 0)
    file.fail("hidden_size", text_of("a multiple of num_attention_heads, where there is no ", key));
  return config.width / config.heads;
}

/// What layers are made of, by the words of a list under one of several keys, the first that is there: each word is
/// looked up in `known`, so that old spellings and new ones give the same kind. Nothing where none of the keys is
/// there.
template <class Kind>
[[nodiscard]] std::optional<std::vector<Kind>> read_pattern(
    config_reader const& file, std::initializer_list<char const*> keys,
    std::initializer_list<std::pair<std::string_view, Kind>> known) {
  for (auto const* const key : keys) {
    if (!file.has(key)) continue;
    std::vector<Kind> kinds;
    for (auto const& word : file.texts(key, {})) {
      auto const* const found = std::ranges::find(known, word, &std::pair<std::string_view, Kind>::first);
      if (found == known.end()) {
        std::string allowed;
        for (auto const& [name, kind] : known) add_to_list(allowed, name);
        file.fail(key, text_of("a list of ", allowed));
      }
      kinds.push_back(found->second);
    }
    return kinds;
  }
  return {};
}

/// The same where a layer attends or not: `linear_attention` (5.x) or `mamba` (4.x), `full_attention` or `attention`.
[[nodiscard]] inline std::optional<std::vector<bool>> read_attention_pattern(config_reader const& file,
                                                                             std::size_t layers) {
  auto const kinds = read_pattern<bool>(
      file, {"layer_types", "layers_block_type"},
      {{"linear_attention", false}, {"mamba", false}, {"full_attention", true}, {"attention", true}});
  if (kinds && kinds->size() != layers)
    file.fail(file.has("layer_types") ? "layer_types" : "layers_block_type", text_of("a list of ", layers, " layers"));
  return kinds;
}

/// Rotary positions as 5.x writes them (`rope_parameters`) or 4.x did (`rope_theta`, `rope_scaling` and
/// `partial_rotary_factor` beside all others). Kinds beyond the default are refused.
[[nodiscard]] inline rotary_embedding read_rope(config_reader const& file, std::size_t head_dim,
                                                double usual_factor = 1, double usual_base = 10000) {
  auto const rope = file.section("rope_parameters");
  for (auto const& section : {rope, file.section("rope_scaling")})
    for (auto const* const key : {"rope_type", "type"})
      if (section.text(key, "default") != "default") section.fail(key, "default");
  auto const base = rope.number("rope_theta", file.number("rope_theta", usual_base));
  auto const factor = rope.number("partial_rotary_factor", file.number("partial_rotary_factor", usual_factor));
  if (!(base > 0)) file.fail("rope_theta", "a number above 0");
  if (!(factor > 0 && factor <= 1)) file.fail("partial_rotary_factor", "a number above 0, at most 1");
  auto const rotated = static_cast<std::size_t>(static_cast<double>(head_dim) * factor) / 2 * 2;
  return make_rotary_embedding(rotated, base);
}

/// A multiplier: a finite number, `otherwise` when absent.
[[nodiscard]] inline float read_scale(config_reader const& file, char const* key, double otherwise = 1) {
  return static_cast<float>(file.number(key, otherwise));
}

}  // namespace headcount::v0::reference
