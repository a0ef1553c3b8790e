#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <headcount/cost/working_size.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/weight_source.hpp>

namespace headcount::v0::evaluate {

/// What running one sequence keeps in memory, in bytes. Policies change none of it here: the reference model masks
/// heads, it does not unload them. The program itself and its tokenizer come on top.
struct model_memory {
  std::size_t weights = 0;  ///< all tensors, as the files hold them
  std::size_t copies = 0;   ///< of weights whose rows lie in another order than the model wants them
  std::size_t cache = 0;    ///< keys and values of the sequence, float32
  std::size_t state = 0;    ///< what recurrent layers remember of it, float32
  std::size_t working = 0;  ///< what a prefill of it needs besides, float32: activations and a second state

  [[nodiscard]] std::size_t sum() const noexcept { return weights + copies + cache + state + working; }
};

/// The memory of a model that has read `context` tokens of one sequence in one pass; weights take `number_bytes` a
/// number, every tensor of the checkpoint counted, norms and biases too. With a window the cache holds up to twice as
/// many keys, see reference::key_value_cache.
[[nodiscard]] inline model_memory memory_of(reference::model_config const& config, std::size_t context,
                                            std::size_t number_bytes = 2) {
  reference::shapes tensors;
  auto const model = config.make(tensors);
  model_memory memory{.weights = tensors.numbers() * number_bytes};
  auto const copied = [&](auto const&... maps) {
    ((memory.copies += maps.weight.gathered ? maps.weight.size() * number_bytes : 0), ...);
  };
  std::size_t heads = 0;
  for (auto const& layer : model.layers) {
    if (auto const& block = layer.attention) {
      auto const held = block->window ? (std::min)(context, 2 * *block->window) : context;
      memory.cache += 2 * held * block->key_value_heads * block->head_dim * sizeof(float);
      copied(block->query, block->gate);
      heads = (std::max)(heads, block->heads);
    }
    visit_block(layer.recurrent, [&]<class Block>(Block const& block) {
      memory.state += block.empty_state().bytes();
      if constexpr (std::is_same_v<Block, reference::gated_delta_net>)
        copied(block.query, block.key, block.value, block.gate, block.write, block.decay);
    });
  }
  memory.working = context * (working_size_of(model) + heads) * sizeof(float) + memory.state;
  return memory;
}

}  // namespace headcount::v0::evaluate
