#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/block/short_convolution.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// LFM2: gated short convolutions and attention with normalised queries and keys.
/// Source: transformers' Lfm2Config.
struct lfm2_config : common_config {
  std::vector<bool> attends{};  ///< per layer: attention, or a convolution
  std::size_t convolution = 3;
  bool convolution_bias = false;
  rotary_embedding rope{};
};

/// The width of an MLP: as it is, or two thirds of it, multiplied and rounded up (`block_auto_adjust_ff_dim`).
[[nodiscard]] inline std::size_t read_adjusted_width(config_reader const& file, std::size_t width) {
  if (!file.flag("block_auto_adjust_ff_dim", true)) return width;
  auto const factor = file.number("block_ffn_dim_multiplier", 1);
  auto const multiple = file.count("block_multiple_of", 256);
  if (!(factor > 0 && factor <= 1024)) file.fail("block_ffn_dim_multiplier", "a number above 0, at most 1024");
  auto const adjusted = static_cast<std::size_t>(factor * static_cast<double>(2 * width / 3));
  auto const rounded = (adjusted + multiple - 1) / multiple * multiple;
  if (rounded == 0 || rounded > 1u << 24)
    file.fail("block_ffn_dim_multiplier", "one that leaves a width from 1 to 16777216");
  return rounded;
}

/// transformers' Lfm2Config; old files say `block_ff_dim` and `tie_embedding`. Throws headcount::error, naming file and
/// key.
[[nodiscard]] inline lfm2_config read_lfm2(config_reader const& file) {
  lfm2_config config{
      read_common(file, "Lfm2ForCausalLM",
                  {.tied = file.flag("tie_embedding", true),
                   .epsilon = "norm_eps",
                   .usual_epsilon = 1e-5,
                   .intermediate = file.has("block_ff_dim") && !file.has("intermediate_size") ? "block_ff_dim"
                                                                                              : "intermediate_size"})};
  config.head_dim = read_head_dim(file, config);
  config.intermediate = read_adjusted_width(file, config.intermediate);
  config.convolution = file.count("conv_L_cache", 3);
  config.convolution_bias = file.flag("conv_bias", false);
  config.rope = read_rope(file, config.head_dim, 1, 1e6);
  auto const kinds =
      read_pattern<bool>(file, {"layer_types"}, {{"conv", false}, {"full_attention", true}, {"attention", true}});
  if (kinds) {
    config.attends = *kinds;
    if (kinds->size() != config.layers) file.fail("layer_types", text_of("a list of ", config.layers, " layers"));
  } else {
    config.attends.assign(config.layers, !file.has("full_attn_idxs"));
    for (auto const at : file.counts("full_attn_idxs", {})) {
      if (at >= config.layers) file.fail("full_attn_idxs", "layers of the model");
      config.attends[at] = true;
    }
  }
  return config;
}

/// LFM2 from its tensors. Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(lfm2_config const& config, Source& source) {
  auto const norm = [&](std::string const& name, std::size_t width) {
    return take_norm(source, name, width, config.norm_epsilon);
  };
  auto made = begin_model(config, source);
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of("model.layers.", at, ".");
    layer next{.mixer_norm = norm(name + "operator_norm", config.width),
               .feed_forward_norm = norm(name + "ffn_norm", config.width)};
    if (config.attends[at]) {
      next.attention = take_attention(config, source, name + "self_attn.", false, "out_proj");
      next.attention->rotary = config.rope;
      next.attention->query_norm = norm(name + "self_attn.q_layernorm", config.head_dim);
      next.attention->key_norm = norm(name + "self_attn.k_layernorm", config.head_dim);
    } else {
      auto const bias = config.convolution_bias;
      next.recurrent = short_convolution{
          .in_projection = take_linear(source, name + "conv.in_proj", 3 * config.width, config.width, bias),
          .out_projection = take_linear(source, name + "conv.out_proj", config.width, config.width, bias),
          .convolution = take_convolution(source, name + "conv.conv", config.width, config.convolution, bias)};
    }
    next.feed_forward = take_mlp(config, source, name + "feed_forward.", config.intermediate, false,
                                 {.gate = "w1", .up = "w3", .down = "w2"});
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm("model.embedding_norm", config.width));
  return made;
}

}  // namespace headcount::v0::reference
