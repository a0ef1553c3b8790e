#pragma once

#include <algorithm>
#include <cstddef>

#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::evaluate {

/// What running one sequence keeps in memory, in bytes. Policies change none of it here: the reference model masks
/// heads, it does not unload them.
struct model_memory {
  std::size_t weights = 0;  ///< all tensors, as the files hold them
  std::size_t cache = 0;    ///< keys and values of the sequence, float32
  std::size_t state = 0;    ///< what recurrent layers remember of it, float32

  [[nodiscard]] std::size_t sum() const noexcept { return weights + cache + state; }
};

/// The memory of a model that has read `context` tokens of one sequence; weights take `number_bytes` a number, every
/// tensor of the checkpoint counted, norms and biases too. With a window the cache holds up to twice as many keys, see
/// reference::key_value_cache.
[[nodiscard]] inline model_memory memory_of(reference::model_config const& config, std::size_t context,
                                            std::size_t number_bytes = 2) {
  reference::shapes tensors;
  auto const model = config.make(tensors);
  model_memory memory{.weights = tensors.numbers() * number_bytes};
  for (auto const& layer : model.layers) {
    if (auto const& block = layer.attention) {
      auto const held = block->window ? std::min(context, 2 * *block->window) : context;
      memory.cache += 2 * held * block->key_value_heads * block->head_dim * sizeof(float);
    }
    visit_block(layer.recurrent, [&](auto const& block) { memory.state += block.empty_state().bytes(); });
  }
  return memory;
}

}  // namespace headcount::v0::evaluate
