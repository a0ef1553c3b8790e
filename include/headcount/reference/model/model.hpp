#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/block/norm.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/model/state.hpp>

namespace headcount::v0::reference {

/// One layer: x += mixer(mixer_norm x), then x += feed_forward(feed_forward_norm x).
struct layer {
  rms_norm mixer_norm{};
  std::variant<attention, rg_lru_block, mamba_block> mixer{};
  rms_norm feed_forward_norm{};
  std::variant<gated_mlp, experts> feed_forward{};
};

/// A hybrid language model: embedding, layers that mix tokens by attention or by recurrence, and a linear head.
/// RecurrentGemma (model/recurrent_gemma.hpp) and Jamba (model/jamba.hpp) are made of it.
struct model {
  std::string architecture{};  ///< as config.json calls it, e.g. "JambaForCausalLM"
  weights embedding{};         ///< [vocabulary, width]
  float embedding_scale = 1;   ///< factor on every embedding
  std::vector<layer> layers{};
  rms_norm final_norm{};
  linear head{};                          ///< [vocabulary, width]; the embedding itself where the two are tied
  float logit_cap = 0;                    ///< logits become cap * tanh(logits / cap); 0 for no cap
  std::shared_ptr<void const> storage{};  ///< keeps the memory alive that weights lie in

  [[nodiscard]] std::size_t vocabulary() const noexcept { return embedding.rows(); }
  [[nodiscard]] std::size_t width() const noexcept { return embedding.row_size(); }

  /// The attention block of a layer; null when the layer has none.
  [[nodiscard]] attention const* attention_at(std::size_t index) const noexcept {
    return std::get_if<attention>(&layers[index].mixer);
  }

  /// The first layer with attention; the number of layers when there is none. Before it no policy makes a difference.
  [[nodiscard]] std::size_t first_attention() const noexcept {
    std::size_t index = 0;
    while (index < layers.size() && attention_at(index) == nullptr) ++index;
    return index;
  }

  /// The state before the first token.
  [[nodiscard]] state empty_state() const {
    state empty;
    for (auto const& layer : layers)
      std::visit([&](auto const& mixer) { empty.layers.emplace_back(mixer.empty_state()); }, layer.mixer);
    return empty;
  }
};

/// Throws headcount::error when layers are named that the model does not have, or none of those named has attention.
inline void validate(scope const& where, model const& model) {
  if (!where.layers) return;
  std::size_t with_attention = 0;
  std::string known;
  for (std::size_t index = 0; index < model.layers.size(); ++index) {
    if (model.attention_at(index) == nullptr) continue;
    add_to_list(known, text_of(index));
    with_attention += where.layers->contains(index) ? 1 : 0;
  }
  auto const fail = [&](std::string const& problem) {
    throw error{text_of("scope", print(where)), problem, text_of("attention layers ", known)};
  };
  for (auto const index : *where.layers)
    if (index >= model.layers.size()) fail(text_of("the model has no layer ", index));
  if (with_attention == 0) fail("none of these layers has attention");
}

/// Throws headcount::error when a policy cannot work in this model: k above a layer's heads, layers that are not there.
template <head_policy Policy>
void validate(Policy const& policy, model const& model) {
  validate(policy.where, model);
  for (std::size_t index = 0; index < model.layers.size(); ++index)
    if (auto const* block = model.attention_at(index); block != nullptr)
      validate(policy, site{.layer = index,
                            .heads = block->heads,
                            .group = block->group(),
                            .width = model.width(),
                            .head_dim = block->head_dim});
}

}  // namespace headcount::v0::reference
