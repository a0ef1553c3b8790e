#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/cost/attention_cost.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/block/rg_lru.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::reference {

/// What is left of one attention layer.
struct compact_layer {
  std::size_t index = 0;
  head_set heads{};   ///< that are kept
  head_set groups{};  ///< key/value heads that one of them needs
};

/// A model's attention without the heads that a static policy drops, as a config.json can say it: every layer has the
/// same number of key/value heads, and each of those the same number of heads.
struct compact_layout {
  std::vector<compact_layer> layers{};  ///< those with attention
  std::size_t heads = 0;                ///< of a layer
  std::size_t groups = 0;               ///< key/value heads of a layer
  std::size_t head_dim = 0;
};

/// The heads that a policy keeps in an attention layer, the same at every token of both phases. Throws headcount::error
/// when it does not keep the same ones, or makes something else of the others than zeros.
[[nodiscard]] inline head_set static_heads(any_policy const& policy, site where) {
  auto const what = text_of("policy \"", print(policy), "\"");
  auto const* const allowed = "policies of a ranking in both phases, e.g. fixed(R.json) | top_k(5)";
  if (policy.reads() != reading::nothing)
    throw error{what, "its scorer reads what the model computes, so that other heads are kept at every token", allowed};
  if (policy.mask != any_mask{mask::zero{}})
    throw error{what, text_of("its mask is ", print(policy.mask), ", and a head that is cut out gives zeros"),
                mask::zero::name};
  head_set kept_in[2];
  for (auto const when : {phase::prefill, phase::generation}) {
    where.phase = when;
    auto const kept = kernel::kept_by(policy, where);
    if (kept.least != kept.possible.size())
      throw error{what, text_of("in layer ", where.layer, " other heads are kept at every token"), allowed};
    kept_in[when == phase::generation ? 1 : 0] = kept.possible;
  }
  if (kept_in[0] != kept_in[1])
    throw error{what, text_of("prefill and generation keep other heads of layer ", where.layer), allowed};
  return kept_in[0];
}

/// The layout of one layer alone: how many key/value heads it keeps, and how many heads of each. Throws
/// headcount::error when it keeps no head, or more of one key/value head than of another.
[[nodiscard]] inline compact_layout layout_of(attention const& block, std::size_t index, head_set const& kept) {
  compact_layer layer{.index = index, .heads = kept};
  std::vector<std::size_t> of_group(block.key_value_heads);
  for (auto const head : kept) {
    layer.groups.insert(head / block.group());
    ++of_group[head / block.group()];
  }
  auto const name = text_of("layer ", index);
  if (kept.empty()) throw error{name, "it keeps no head", "one or more"};
  auto const first = *layer.groups.begin();
  for (auto const group : layer.groups)
    if (of_group[group] != of_group[first])
      throw error{name,
                  text_of("it keeps ", of_group[group], " of the ", block.group(), " heads of key/value head ", group,
                          " and ", of_group[first], " of those of ", first, ", and config.json has one number for all"),
                  "whole groups, e.g. top_groups(2), or as many heads of each"};
  return {.layers = {layer}, .heads = kept.size(), .groups = layer.groups.size(), .head_dim = block.head_dim};
}

/// RG-LRU gates have as many blocks as attention has heads. Merging them keeps what they compute, if the new number
/// divides the old one. Throws headcount::error when it does not, or when the blocks' zeros take more numbers than the
/// heads give free. Nothing where a model has none.
inline void validate_gates(model const& model, compact_layout const& layout) {
  rg_lru_block const* gates = nullptr;
  std::size_t recurrences = 0;
  attention const* block = nullptr;
  for (std::size_t index = 0; index < model.layers.size(); ++index) {
    if (auto const* const found = std::get_if<rg_lru_block>(&model.layers[index].recurrent)) {
      gates = found;
      ++recurrences;
    }
    if (auto const* const found = model.attention_at(index)) block = found;
  }
  if (gates == nullptr) return;
  auto const all = block->heads;
  auto const lru_width = gates->channels();
  auto const grown = [&](std::size_t heads) {
    return 2 * recurrences * lru_width * (lru_width / heads - lru_width / all);
  };
  auto const freed = [&](std::size_t heads, std::size_t groups) {
    return 2 * layout.layers.size() * model.width() * block->head_dim * (all - heads + block->key_value_heads - groups);
  };
  std::string allowed;
  for (std::size_t heads = 1; heads < all; ++heads)
    if (all % heads == 0 && grown(heads) < freed(heads, layout.groups)) add_to_list(allowed, text_of(heads));
  if (allowed.empty()) allowed = "none";
  auto const what = text_of(layout.heads, " of ", all, " heads");
  if (all % layout.heads != 0)
    throw error{what,
                "RG-LRU gates have as many blocks as attention has heads (num_attention_heads), and can only be merged "
                "evenly",
                text_of(allowed, " heads a layer")};
  if (grown(layout.heads) >= freed(layout.heads, layout.groups))
    throw error{what,
                text_of("RG-LRU gates have as many blocks as attention has heads (num_attention_heads); merged, they "
                        "grow by ",
                        grown(layout.heads), " numbers, more than the ", freed(layout.heads, layout.groups),
                        " that are cut out"),
                text_of(allowed, " heads a layer")};
}

/// Throws headcount::error where an attention layer cannot lose a head: what it computes of the others would be
/// another, or config.json could not say it.
inline void validate_separable(model const& model, std::size_t index) {
  auto const fail = [&](char const* problem) {
    throw error{text_of(model.architecture, ", layer ", index), problem,
                "models whose heads do not depend on each other"};
  };
  auto const& block = *model.attention_at(index);
  for (auto const* const norm : {&block.query_norm, &block.key_norm})
    if (*norm && (*norm)->gain.size() != block.head_dim)
      fail("queries and keys are normalised over all heads at once, so that heads cut out would change the others");
  if (model.layers[index].order == layer_order::shared)
    fail(
        "attention is shared by layers, and its head size is 2 hidden_size / num_attention_heads, so that fewer heads "
        "would have to be larger");
}

/// The layout of a model without the heads that a policy drops. Throws headcount::error when the policy does not fit
/// the model, is not static, drops no head, or keeps what config.json cannot say: it has one num_attention_heads and
/// one num_key_value_heads for all layers; and when heads are not their own, as in Olmo-Hybrid and Zamba2.
[[nodiscard]] inline compact_layout compact_layout_of(model const& model, any_policy const& policy) {
  validate(policy, model);
  compact_layout layout;
  bool drops = false;
  for (std::size_t index = 0; index < model.layers.size(); ++index) {
    auto const* const block = model.attention_at(index);
    if (block == nullptr) continue;
    validate_separable(model, index);
    auto const kept = static_heads(policy, {.layer = index, .heads = block->heads, .group = block->group()});
    auto const next = layout_of(*block, index, kept);
    drops = drops || kept.size() != block->heads;
    auto layers = std::move(layout.layers);
    if (!layers.empty() && (next.heads != layout.heads || next.groups != layout.groups))
      throw error{
          text_of("layer ", index),
          text_of("it keeps ", next.heads, " heads of ", next.groups, " key/value heads, layer ", layers.front().index,
                  " ", layout.heads, " of ", layout.groups, ", and config.json has one number for all layers"),
          "as many in every layer"};
    layers.push_back(next.layers.front());
    layout = next;
    layout.layers = std::move(layers);
  }
  if (!drops) throw error{text_of("policy \"", print(policy), "\""), "it drops no head", "policies that drop some"};
  validate_gates(model, layout);
  return layout;
}

}  // namespace headcount::v0::reference
