#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/read_config.hpp>
#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

/// What a layer of Nemotron-H is: one block alone.
enum class nemotron_block : unsigned char { mamba2, attention, mlp, experts };

/// Nemotron-H: layers of one block each, of Mamba-2, attention without positions, MLPs without a gate, or experts.
/// Source: transformers' NemotronHConfig.
struct nemotron_h_config : common_config {
  std::vector<nemotron_block> blocks{};  ///< per layer
  mamba2_config mamba{};
  bool mlp_bias = false;
  std::size_t experts = 0;
  std::size_t chosen_experts = 0;
  std::size_t expert_width = 0;
  std::size_t shared_width = 0;
  std::size_t expert_groups = 1;
  std::size_t chosen_groups = 1;
  bool renormalised = true;
  float routed_scale = 1;
};

/// What each layer is: a list (5.x `layers_block_type`, both spellings of its kinds), or one letter a layer (4.x).
[[nodiscard]] inline std::vector<nemotron_block> read_nemotron_pattern(config_reader const& file) {
  using enum nemotron_block;
  auto const kinds = read_pattern<nemotron_block>(file, {"layers_block_type", "layer_types"},
                                                  {{"linear_attention", mamba2},
                                                   {"mamba", mamba2},
                                                   {"full_attention", attention},
                                                   {"attention", attention},
                                                   {"mlp", mlp},
                                                   {"moe", experts}});
  if (kinds) return *kinds;
  std::vector<nemotron_block> blocks;
  for (char const letter : file.text("hybrid_override_pattern")) {
    if (letter != 'M' && letter != '*' && letter != '-' && letter != 'E')
      file.fail("hybrid_override_pattern", "M, *, - and E, one a layer");
    blocks.push_back(letter == 'M' ? mamba2 : letter == '*' ? attention : letter == '-' ? mlp : experts);
  }
  return blocks;
}

/// transformers' NemotronHConfig. Throws headcount::error, naming file and key.
[[nodiscard]] inline nemotron_h_config read_nemotron_h(config_reader const& file) {
  auto blocks = read_nemotron_pattern(file);
  if (blocks.empty()) file.fail("layers_block_type", "one layer or more");
  nemotron_h_config config{read_common(
      file, "NemotronHForCausalLM", {.epsilon = "layer_norm_epsilon", .usual_epsilon = 1e-5, .layers = blocks.size()})};
  config.blocks = std::move(blocks);
  config.function = read_activation(file, "mlp_hidden_act", "relu2");
  config.head_dim = read_head_dim(file, config, file.has("head_dim") ? "head_dim" : "attention_head_dim");
  config.mlp_bias = file.flag("mlp_bias", false);
  config.mamba = {.heads = file.count("mamba_num_heads"),
                  .head_dim = file.count("mamba_head_dim"),
                  .groups = file.count("n_groups"),
                  .states = file.count("ssm_state_size"),
                  .convolution = file.count("conv_kernel", 4),
                  .input_bias = file.flag("use_bias", false),
                  .output_bias = file.flag("use_bias", false),
                  .convolution_bias = file.flag("use_conv_bias", true),
                  .least_step = static_cast<float>(file.number("time_step_min", 0.001)),
                  .norm_parts = file.count("n_groups"),
                  .norm_epsilon = config.norm_epsilon};
  check_groups(file, config.mamba, "n_groups");
  if (read_activation(file, "mamba_hidden_act", "silu") != activation::silu) file.fail("mamba_hidden_act", "silu");
  for (auto const* const key : {"moe_latent_size", "sliding_window"})
    if (file.has(key)) file.fail(key, "null");
  if (std::ranges::find(config.blocks, nemotron_block::experts) == config.blocks.end()) return config;
  config.experts = file.count("n_routed_experts");
  config.chosen_experts = file.count("num_experts_per_tok");
  config.expert_width = file.count("moe_intermediate_size");
  config.shared_width = file.count("moe_shared_expert_intermediate_size");
  config.expert_groups = file.count("n_group", 1);
  config.chosen_groups = file.count("topk_group", 1);
  config.renormalised = file.flag("norm_topk_prob", true);
  config.routed_scale = read_scale(file, "routed_scaling_factor");
  if (config.experts % config.expert_groups != 0) file.fail("n_group", "a divisor of n_routed_experts");
  if (config.chosen_groups > config.expert_groups) file.fail("topk_group", "at most n_group");
  if (config.chosen_experts > config.chosen_groups * (config.experts / config.expert_groups))
    file.fail("num_experts_per_tok", "at most the experts of the groups that are chosen");
  return config;
}

/// Experts of a layer without gates, and an MLP beside them.
template <weight_source Source>
[[nodiscard]] experts make_experts(nemotron_h_config const& config, Source& source, std::string const& name) {
  mlp_names const plain{.gate = nullptr};
  reference::experts block{
      .router = take_linear(source, name + "gate", config.experts, config.width),
      .chosen = config.chosen_experts,
      .how = routing::sigmoid,
      .renormalised = config.renormalised,
      .correction = widen_all(source.take(name + "gate.e_score_correction_bias", {config.experts})),
      .groups = config.expert_groups,
      .chosen_groups = config.chosen_groups,
      .scale = config.routed_scale,
      .shared = take_mlp(config, source, name + "shared_experts.", config.shared_width, config.mlp_bias, plain)};
  for (std::size_t expert = 0; expert < config.experts; ++expert)
    block.members.push_back(
        take_mlp(config, source, text_of(name, "experts.", expert, "."), config.expert_width, config.mlp_bias, plain));
  return block;
}

/// Nemotron-H from its tensors, whose names begin with `backbone.` or `model.`. Throws what `source` throws.
template <weight_source Source>
[[nodiscard]] model make_model(nemotron_h_config const& config, Source& source) {
  auto const embedding = one_of(source, {"backbone.embeddings.weight", "model.embeddings.weight"});
  auto const prefix = embedding.substr(0, embedding.find('.') + 1);
  auto const norm = [&](std::string const& name) { return take_norm(source, name, config.width, config.norm_epsilon); };
  auto made = begin_model(config, source, embedding);
  made.left_out = {"mtp."};
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const name = text_of(prefix, "layers.", at, ".");
    auto const block = name + "mixer.";
    auto const before = norm(name + "norm");
    layer next;
    switch (config.blocks[at]) {
      case nemotron_block::mamba2:
        next.mixer_norm = before;
        next.recurrent = take_mamba2(config.mamba, config.width, source, block);
        break;
      case nemotron_block::attention:
        next.mixer_norm = before;
        next.attention = take_attention(config, source, block);
        break;
      case nemotron_block::mlp:
        next.feed_forward_norm = before;
        next.feed_forward = take_mlp(config, source, block, config.intermediate, config.mlp_bias, {.gate = nullptr});
        break;
      case nemotron_block::experts:
        next.feed_forward_norm = before;
        next.feed_forward = make_experts(config, source, block);
        break;
    }
    made.layers.push_back(std::move(next));
  }
  end_model(config, source, made, norm(prefix + "norm_f"));
  return made;
}

}  // namespace headcount::v0::reference
