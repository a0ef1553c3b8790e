#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <variant>

#include <headcount/cost/model_cost.hpp>
#include <headcount/reference/model/config.hpp>

namespace headcount::v0::evaluate {

/// What running one sequence keeps in memory, in bytes. Policies change none of it here: the reference model masks
/// heads, it does not unload them.
struct model_memory {
  std::size_t weights = 0;  ///< all tensors, as the files hold them
  std::size_t cache = 0;    ///< keys and values of the sequence, float32
  std::size_t state = 0;    ///< what recurrent layers remember of it, float32

  [[nodiscard]] std::size_t sum() const noexcept { return weights + cache + state; }
};

/// The numbers in all tensors of a checkpoint, with embeddings, norms, biases, convolutions and every expert. Those of
/// RecurrentGemma's output are its embeddings.
[[nodiscard]] inline std::size_t parameters_of(reference::recurrent_gemma_config const& config) noexcept {
  auto const width = config.width;
  auto const hidden = config.intermediate / 2;
  auto const lru = config.lru_width;
  auto const attended = (config.heads + 2 * config.key_value_heads) * config.head_dim;
  auto const attention =
      width * (attended + config.heads * config.head_dim) + width + (config.attention_bias ? attended : 0);
  auto const recurrent =
      recurrent_size_of(config).parameters + (2 * lru + width) + lru * (config.convolution_width + 1) + 2 * lru + lru;
  auto const mlp = 3 * width * hidden + 2 * hidden + width;
  std::size_t all = config.vocabulary * width * (config.tied_embeddings ? 1 : 2) + width;
  for (std::size_t layer = 0; layer < config.layers; ++layer)
    all += (config.attends[layer] ? attention : recurrent) + mlp + 2 * width;
  return all;
}

[[nodiscard]] inline std::size_t parameters_of(reference::jamba_config const& config) noexcept {
  auto const width = config.width;
  auto const channels = config.mamba_channels;
  auto const attention = 2 * width * config.head_dim * (config.heads + config.key_value_heads);
  auto const mamba = recurrent_size_of(config).parameters + channels +  // the step's bias
                     channels * (config.mamba_convolution + (config.mamba_convolution_bias ? 1 : 0)) +
                     (config.mamba_projection_bias ? 2 * channels + width : 0) + config.mamba_rank +
                     2 * config.mamba_states + channels * (config.mamba_states + 1);
  auto const mlp = 3 * width * config.intermediate;
  std::size_t all = config.vocabulary * width * (config.tied_embeddings ? 1 : 2) + width;
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    all += (config.attends[layer] ? attention : mamba) + 2 * width;
    all += config.routes[layer] ? config.experts * (mlp + width) : mlp;
  }
  return all;
}

/// The memory of a model that has read `context` tokens of one sequence; weights take `number_bytes` a number. With a
/// window the cache holds up to twice as many keys, see reference::key_value_cache.
template <class Config>
[[nodiscard]] model_memory memory_of(Config const& config, std::size_t context, std::size_t number_bytes = 2) {
  constexpr bool is_jamba = std::is_same_v<Config, reference::jamba_config>;
  auto const shape = attention_shape_of(config);
  auto const held = shape.window ? std::min(context, 2 * *shape.window) : context;
  std::size_t remembered = 0;
  if constexpr (is_jamba) remembered = config.mamba_channels * (config.mamba_states + config.mamba_convolution - 1);
  else remembered = config.lru_width * config.convolution_width;  // the hidden state, and the inputs before it
  model_memory memory{.weights = parameters_of(config) * number_bytes};
  for (bool const attends : config.attends) {
    if (attends) memory.cache += 2 * held * shape.key_value_heads * shape.head_dim * sizeof(float);
    else memory.state += remembered * sizeof(float);
  }
  return memory;
}

/// The same for any configuration.
[[nodiscard]] inline model_memory memory_of(reference::model_config const& config, std::size_t context,
                                            std::size_t number_bytes = 2) {
  return std::visit([&](auto const& one) { return memory_of(one, context, number_bytes); }, config);
}

}  // namespace headcount::v0::evaluate
