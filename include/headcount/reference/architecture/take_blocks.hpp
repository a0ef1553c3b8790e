#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/gather_rows.hpp>
#include <headcount/reference/block/mamba2.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::reference {

// Blocks that several model types have, and how they take them from their tensors. All throw what the source does.

/// NAME.q_proj, k_proj, v_proj and o_proj, or what the output is called, as plain attention.
template <weight_source Source>
[[nodiscard]] attention take_attention(common_config const& config, Source& source, std::string const& name,
                                       bool bias = false, char const* output = "o_proj") {
  auto const queries = config.heads * config.head_dim;
  auto const keys = config.key_value_heads * config.head_dim;
  return {.query = take_linear(source, name + "q_proj", queries, config.width, bias),
          .key = take_linear(source, name + "k_proj", keys, config.width, bias),
          .value = take_linear(source, name + "v_proj", keys, config.width, bias),
          .output = take_linear(source, name + output, config.width, queries, bias),
          .heads = config.heads,
          .key_value_heads = config.key_value_heads,
          .head_dim = config.head_dim};
}

/// A factor on what a linear map gives, its bias included.
inline void multiply(linear& map, float factor) {
  map.scale *= factor;
  for (auto& value : map.bias) value *= factor;
}

/// Rows of a linear map, in a new order.
[[nodiscard]] inline linear gather_rows(linear const& map, std::span<std::size_t const> rows) {
  linear gathered{.weight = gather_rows(map.weight, rows)};
  for (auto const row : rows)
    if (!map.bias.empty()) gathered.bias.push_back(map.bias[row]);
  return gathered;
}

/// Cuts interleaved rows apart: `parts` lie side by side in each of `repeats` groups of rows. Gives, for each part, its
/// rows of all groups.
[[nodiscard]] inline std::vector<std::vector<std::size_t>> interleaved(std::size_t repeats,
                                                                       std::initializer_list<std::size_t> parts) {
  std::vector<std::vector<std::size_t>> rows(parts.size());
  std::size_t at = 0;
  for (std::size_t group = 0; group < repeats; ++group)
    for (std::size_t part = 0; part < parts.size(); ++part)
      for (std::size_t i = 0; i < parts.begin()[part]; ++i) rows[part].push_back(at++);
  return rows;
}

/// What the three maps of an MLP are called.
struct mlp_names {
  char const* gate = "gate_proj";  ///< null for none
  char const* up = "up_proj";
  char const* down = "down_proj";
};

/// An MLP under `name`.
template <weight_source Source>
[[nodiscard]] mlp take_mlp(common_config const& config, Source& source, std::string const& name, std::size_t hidden,
                           bool bias = false, mlp_names const& names = {}) {
  mlp block{.up = take_linear(source, name + names.up, hidden, config.width, bias),
            .down = take_linear(source, name + names.down, config.width, hidden, bias),
            .function = config.function};
  if (names.gate != nullptr) block.gate = take_linear(source, name + names.gate, hidden, config.width, bias);
  return block;
}

/// An MLP whose gate and up are one tensor, `[2 * hidden, width]`, gate first.
[[nodiscard]] inline mlp fused_mlp(common_config const& config, weights const& gate_up, weights down) {
  auto const hidden = gate_up.rows() / 2;
  return {.gate = {.weight = some_rows(gate_up, 0, hidden)},
          .up = {.weight = some_rows(gate_up, hidden, hidden)},
          .down = {.weight = std::move(down)},
          .function = config.function};
}

/// The sizes of a Mamba-2 block.
struct mamba2_config {
  std::size_t heads = 1;
  std::size_t head_dim = 1;
  std::size_t groups = 1;
  std::size_t states = 1;
  std::size_t convolution = 4;
  bool input_bias = false;
  bool output_bias = false;
  bool convolution_bias = true;
  float least_step = 0;
  float most_step = std::numeric_limits<float>::infinity();
  gated_norm ending = gated_norm::norm_last;
  std::size_t norm_parts = 1;
  float norm_epsilon = 1e-5f;

  [[nodiscard]] std::size_t channels() const noexcept { return heads * head_dim; }
};

/// Throws headcount::error where a Mamba-2 block's heads do not fall into groups; `key` is what groups are called.
inline void check_groups(config_reader const& file, mamba2_config const& config, char const* key) {
  if (config.heads % config.groups != 0) file.fail(key, "a divisor of the number of Mamba heads");
}

/// Mamba-2 as Granite, Bamba and Falcon-H1 call it, `channels` wide.
[[nodiscard]] inline mamba2_config read_mamba2(config_reader const& file, common_config const& common,
                                               std::size_t channels) {
  mamba2_config config{.heads = file.count("mamba_n_heads"),
                       .groups = file.count("mamba_n_groups", 1),
                       .states = file.count("mamba_d_state"),
                       .convolution = file.count("mamba_d_conv", 4),
                       .convolution_bias = file.flag("mamba_conv_bias", true),
                       .norm_epsilon = common.norm_epsilon};
  bool const derived = !file.has("mamba_d_head") || file.is("mamba_d_head", "auto");
  config.head_dim = derived ? channels / config.heads : file.count("mamba_d_head");
  if (config.channels() != channels)
    file.fail("mamba_n_heads", text_of("heads that make ", channels, " channels with mamba_d_head"));
  config.input_bias = config.output_bias = file.flag("mamba_proj_bias", false);
  auto const limits = file.numbers("time_step_limit", {0, std::numeric_limits<double>::infinity()}, 2);
  if (!(limits[0] <= limits[1])) file.fail("time_step_limit", "two numbers, the smaller first");
  config.least_step = static_cast<float>(limits[0]);
  config.most_step = static_cast<float>(limits[1]);
  check_groups(file, config, "mamba_n_groups");
  return config;
}

/// NAME.A_log as -exp(A_log).
template <weight_source Source>
[[nodiscard]] std::vector<float> take_rates(Source& source, std::string const& name, std::size_t count) {
  auto rates = widen_all(source.take(name, {count}));
  for (auto& value : rates) value = -std::exp(value);
  return rates;
}

/// A Mamba-2 block under `name`.
template <weight_source Source>
[[nodiscard]] mamba2_block take_mamba2(mamba2_config const& config, std::size_t width, Source& source,
                                       std::string const& name) {
  auto const channels = config.channels();
  auto const convolved = channels + 2 * config.groups * config.states;
  mamba2_block block{
      .in_projection =
          take_linear(source, name + "in_proj", channels + convolved + config.heads, width, config.input_bias),
      .out_projection = take_linear(source, name + "out_proj", width, channels, config.output_bias),
      .convolution = take_convolution(source, name + "conv1d", convolved, config.convolution, config.convolution_bias),
      .a = take_rates(source, name + "A_log", config.heads),
      .step_bias = widen_all(source.take(name + "dt_bias", {config.heads})),
      .skip = widen_all(source.take(name + "D", {config.heads})),
      .ending = config.ending,
      .norm_parts = config.norm_parts,
      .head_dim = config.head_dim,
      .groups = config.groups,
      .states = config.states,
      .least_step = config.least_step,
      .most_step = config.most_step};
  if (config.ending != gated_norm::gated) block.norm = take_norm(source, name + "norm", channels, config.norm_epsilon);
  return block;
}

/// The sizes of a gated DeltaNet block.
struct gated_delta_config {
  std::size_t key_heads = 1;
  std::size_t key_dim = 1;
  std::size_t value_heads = 1;
  std::size_t value_dim = 1;
  std::size_t convolution = 4;

  [[nodiscard]] std::size_t keys() const noexcept { return key_heads * key_dim; }
  [[nodiscard]] std::size_t values() const noexcept { return value_heads * value_dim; }
};

[[nodiscard]] inline gated_delta_config read_gated_delta(config_reader const& file) {
  gated_delta_config const config{.key_heads = file.count("linear_num_key_heads"),
                                  .key_dim = file.count("linear_key_head_dim"),
                                  .value_heads = file.count("linear_num_value_heads"),
                                  .value_dim = file.count("linear_value_head_dim"),
                                  .convolution = file.count("linear_conv_kernel_dim", 4)};
  if (config.value_heads % config.key_heads != 0)
    file.fail("linear_num_value_heads", "a multiple of linear_num_key_heads");
  return config;
}

/// What gated DeltaNet blocks have alike, whatever their projections are called: sizes, rates and the norm.
template <weight_source Source>
[[nodiscard]] gated_delta_net begin_gated_delta(gated_delta_config const& config, Source& source,
                                                std::string const& name, char const* norm, float epsilon) {
  return {.rate = take_rates(source, name + "A_log", config.value_heads),
          .decay_bias = widen_all(source.take(name + "dt_bias", {config.value_heads})),
          .norm = take_norm(source, name + norm, config.value_dim, epsilon),
          .key_heads = config.key_heads,
          .key_dim = config.key_dim,
          .value_dim = config.value_dim};
}

/// A model with its embedding, and no layers yet.
template <weight_source Source>
[[nodiscard]] model begin_model(common_config const& config, Source& source,
                                std::string const& embedding = "model.embed_tokens.weight") {
  return {.architecture = config.architecture, .embedding = source.take(embedding, {config.vocabulary, config.width})};
}

/// Ends a model: its last norm, and its head, which is the embedding where the two are tied. A file may say so and hold
/// another one all the same, e.g. from a merged adapter: it is used, as in transformers 5.
template <weight_source Source>
void end_model(common_config const& config, Source& source, model& made, rms_norm norm) {
  made.final_norm = std::move(norm);
  bool const is_stored = !source.shape_of("lm_head.weight").empty();
  made.head.weight = config.tied_embeddings && !is_stored
                         ? made.embedding
                         : source.take("lm_head.weight", {config.vocabulary, config.width});
}

}  // namespace headcount::v0::reference
