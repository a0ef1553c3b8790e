#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/mamba2.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/block/norm.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/block/short_convolution.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/model/state.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::reference {

/// What mixes tokens by a recurrence or a convolution, if anything does.
using recurrent_block =
    std::variant<std::monostate, rg_lru_block, mamba_block, mamba2_block, gated_delta_net, short_convolution>;

/// Calls `use` with what a variant holds, unless it is nothing.
template <class Blocks, class Use>
void visit_block(Blocks const& blocks, Use const& use) {
  std::visit(
      [&]<class Block>(Block const& block) {
        if constexpr (!std::is_same_v<Block, std::monostate>) use(block);
      },
      blocks);
}

/// Where the norms of a layer stand, and what its blocks read.
///
///     before  n = mixer_norm x,  x += attention n + recurrent n,  x += feed_forward(feed_forward_norm x)
///     after   x += mixer_norm(attention x + recurrent x),         x += feed_forward_norm(feed_forward x)
///     shared  y = reentry(feed_forward(feed_forward_norm(attention(mixer_norm(x, e))))), e the embeddings,
///             x += recurrent(recurrent_norm(x + y))
enum class layer_order : unsigned char { before, after, shared };

/// One layer. A block that it does not have adds nothing.
struct layer {
  rms_norm mixer_norm{};
  std::optional<reference::attention> attention{};
  recurrent_block recurrent{};
  rms_norm feed_forward_norm{};
  std::variant<std::monostate, mlp, experts> feed_forward{};
  layer_order order = layer_order::before;
  linear reentry{};           ///< of layer_order::shared
  rms_norm recurrent_norm{};  ///< the same
};

/// A hybrid language model: embedding, layers that mix tokens by attention or by recurrence, and a linear head. The
/// files beside this one make it of each model type's tensors.
struct model {
  std::string architecture{};  ///< as config.json calls it, e.g. "JambaForCausalLM"
  weights embedding{};         ///< [vocabulary, width]
  float embedding_scale = 1;   ///< factor on every embedding
  std::vector<layer> layers{};
  rms_norm final_norm{};
  linear head{};                          ///< [vocabulary, width]; the embedding itself where the two are tied
  float logit_cap = 0;                    ///< logits become cap * tanh(logits / cap); 0 for no cap
  std::vector<std::string> left_out{};    ///< beginnings of names of tensors that are not run, e.g. "mtp."
  std::shared_ptr<void const> storage{};  ///< keeps the memory alive that weights lie in

  [[nodiscard]] std::size_t vocabulary() const noexcept { return embedding.rows(); }
  [[nodiscard]] std::size_t width() const noexcept { return embedding.row_size(); }

  /// The attention block of a layer; null when the layer has none.
  [[nodiscard]] attention const* attention_at(std::size_t index) const noexcept {
    auto const& found = layers[index].attention;
    return found ? &*found : nullptr;
  }

  /// The first layer with attention; the number of layers when there is none. Before it no policy makes a difference.
  [[nodiscard]] std::size_t first_attention() const noexcept {
    std::size_t index = 0;
    while (index < layers.size() && attention_at(index) == nullptr) ++index;
    return index;
  }

  /// Whether heads have output gates, in every layer with attention.
  [[nodiscard]] bool has_gates() const noexcept {
    return std::ranges::all_of(layers, [](layer const& one) { return !one.attention || one.attention->gate; }) &&
           first_attention() < layers.size();
  }

  /// The state before the first token.
  [[nodiscard]] state empty_state() const {
    state empty;
    for (auto const& layer : layers) {
      auto& made = empty.layers.emplace_back();
      if (layer.attention) made.keys = layer.attention->empty_state();
      visit_block(layer.recurrent, [&](auto const& block) { made.recurrent = block.empty_state(); });
    }
    return empty;
  }
};

/// What heads a model has: a site a layer, with 0 heads where there is no attention.
[[nodiscard]] inline std::vector<site> layers_of(model const& model) {
  std::vector<site> layers(model.layers.size());
  for (std::size_t index = 0; index < layers.size(); ++index) {
    auto const* const block = model.attention_at(index);
    layers[index].layer = index;
    if (block == nullptr) continue;
    layers[index].heads = block->heads;
    layers[index].group = block->group();
    layers[index].width = block->query.weight.row_size();
    layers[index].head_dim = block->head_dim;
  }
  return layers;
}

/// Throws headcount::error when a scope names layers that the model does not have, or none with attention.
inline void validate(scope const& where, model const& model) { validate(where, layers_of(model)); }

/// Throws headcount::error when a policy cannot work in this model: k above a layer's heads, layers that are not there,
/// gates that a layer in its scope has not.
template <head_policy Policy>
void validate(Policy const& policy, model const& model) {
  validate(policy, layers_of(model));
  if (!policy.reads().contains(reading::gate)) return;
  for (std::size_t index = 0; index < model.layers.size(); ++index)
    if (auto const* const block = model.attention_at(index);
        block != nullptr && !block->gate && policy.where.reaches(index))
      throw error{text_of("layer ", index), "the policy's scorer reads output gates, and this attention has none",
                  "models with gates, such as qwen3_next"};
}

/// Throws headcount::error when a token is not in the model's vocabulary; `what` names the tokens in the message.
inline void validate(std::span<token const> tokens, model const& model, std::string const& what) {
  headcount::validate(tokens, model.vocabulary(), what);
}

}  // namespace headcount::v0::reference
