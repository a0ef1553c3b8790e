#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/cost/attention_cost.hpp>
#include <headcount/cost/dropped_work.hpp>
#include <headcount/cost/recurrent_size.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/has_nonzero_output.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::evaluate {

/// What one block costs in one pass, at most. Convolutions, norms, activations and softmax are not counted.
struct block_cost {
  std::size_t layer = 0;
  std::string_view kind;  ///< attention, mlp, experts, output, or a recurrence by its name
  std::size_t flops = 0;
  std::size_t bytes = 0;                     ///< of weights and cache that are read
  std::size_t cache = 0;                     ///< bytes of keys and values that are needed after the pass
  std::size_t freeable = 0;                  ///< bytes of them that a dense policy would need besides
  std::optional<kernel::kept_heads> kept{};  ///< of attention
};

/// A pass over tokens: prefill of `context` tokens, or generation of one after `context - 1` others.
struct pass_cost {
  std::vector<block_cost> blocks{};

  [[nodiscard]] std::size_t sum(std::size_t block_cost::* what) const noexcept {
    std::size_t all = 0;
    for (auto const& block : blocks) all += block.*what;
    return all;
  }
};

/// The sizes of an attention block: all that its cost depends on.
[[nodiscard]] inline kernel::attention_shape attention_shape_of(reference::attention const& block) {
  return {.width = block.query.weight.row_size(),
          .heads = block.heads,
          .key_value_heads = block.key_value_heads,
          .head_dim = block.head_dim,
          .window = block.window,
          .output_width = block.output.weight.rows(),
          .gated = static_cast<bool>(block.gate)};
}

/// One attention block in one pass, as cost_of below.
[[nodiscard]] inline block_cost attention_block(kernel::attention_shape const& shape, any_policy const& policy,
                                                std::size_t layer, phase when, std::size_t context,
                                                std::size_t number_bytes) {
  site where{.layer = layer,
             .phase = when,
             .heads = shape.heads,
             .group = shape.heads / shape.key_value_heads,
             .head_dim = shape.head_dim};
  validate(policy, where);
  auto const tokens = when == phase::prefill ? context : 1;
  auto const seen_at = [&](std::size_t position) { return (std::min)(position + 1, shape.window.value_or(context)); };
  std::size_t keys = 0;  // that all tokens see
  kernel::masked_heads masked{.projected = has_nonzero_output(policy.mask, where)};
  for (auto position = context - tokens; position < context; ++position) {
    auto const seen = seen_at(position);
    keys += seen;
    auto const work = kernel::work_of(policy.mask.attention(seen), seen, seen == shape.window);
    masked.work = {masked.work.weighed + work.weighed, masked.work.summed + work.summed, work.stored, work.shared};
  }

  auto const reads_at = [&] { return policy.where.covers(where) ? policy.reads().last() : reading::nothing; };
  auto const reads = reads_at();
  auto const kept = kernel::kept_by(policy, where);
  auto made = kernel::needed_by(shape, reads, kept, masked.work);
  if (when == phase::prefill) {
    where.phase = phase::generation;
    made = made.joined_with(kernel::needed_by(shape, reads_at(), kernel::kept_by(policy, where), masked.work));
  }
  auto const all = kernel::cost_of(shape, reads, kept, masked, made, keys);
  auto touched = kept;  // by any of the pass's tokens
  auto reading_of = masked;
  if (tokens > 1) {  // what each of them sees is read once
    touched.most = kept.possible.size();
    reading_of.work = {masked.work.weighed > 0 ? context : 0, masked.work.summed > 0 ? context : 0};
  }
  auto const read = kernel::cost_of(shape, reads, touched, reading_of, made, tokens > 1 ? context : keys);
  auto const seen = seen_at(context - 1);
  auto const a_number = shape.head_dim * number_bytes;
  auto const cache = made.stored(seen, masked.work.stored) * a_number;
  return {.layer = layer,
          .kind = "attention",
          .flops = tokens * all.projections + all.weights + all.values,
          .bytes = (read.parameters + read.cache_read) * number_bytes,
          .cache = cache,
          .freeable = 2 * shape.key_value_heads * seen * a_number - cache,
          .kept = kept};
}

/// The numbers of one feed-forward block's products.
[[nodiscard]] inline std::size_t numbers_of_mlp(reference::mlp const& block) noexcept {
  return (block.gate ? block.gate.weight.size() : 0) + numbers_of(block.up, block.down);
}

/// A feed-forward block in a pass over so many tokens.
[[nodiscard]] inline block_cost feed_forward_block(reference::mlp const& block, std::size_t layer, std::size_t tokens,
                                                   std::size_t number_bytes) {
  auto const numbers = numbers_of_mlp(block);
  return {.layer = layer, .kind = "mlp", .flops = tokens * 2 * numbers, .bytes = numbers * number_bytes};
}

/// The same of experts: a token computes those that are chosen for it, and no two tokens read the same ones at worst.
[[nodiscard]] inline block_cost feed_forward_block(reference::experts const& block, std::size_t layer,
                                                   std::size_t tokens, std::size_t number_bytes) {
  auto const member = numbers_of_mlp(block.members.front());
  auto const always = block.router.weight.size() + (block.shared ? numbers_of_mlp(*block.shared) : 0) +
                      (block.shared_gate ? block.shared_gate.weight.size() : 0);
  return {.layer = layer,
          .kind = "experts",
          .flops = tokens * 2 * (always + block.chosen * member),
          .bytes = (always + (std::min)(block.members.size(), tokens * block.chosen) * member) * number_bytes};
}

/// The cost of one pass of a model under a policy, block by block, from its shapes alone: an outline is enough.
/// `context` is at least 1; a number of weights or cache takes `number_bytes`, 2 as bfloat16. Prefill reads weights
/// once and computes the logits of its last token. Throws headcount::error when the policy does not fit the model.
[[nodiscard]] inline pass_cost cost_of(reference::model const& model, any_policy const& policy, phase when,
                                       std::size_t context, std::size_t number_bytes = 2) {
  auto const tokens = when == phase::prefill ? context : 1;
  pass_cost pass;
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
    auto const& blocks = model.layers[layer];
    if (blocks.attention)
      pass.blocks.push_back(
          attention_block(attention_shape_of(*blocks.attention), policy, layer, when, context, number_bytes));
    visit_block(blocks.recurrent, [&](auto const& block) {
      auto const size = recurrent_size_of(block);
      pass.blocks.push_back({.layer = layer,
                             .kind = block.kind,
                             .flops = tokens * (2 * size.parameters + size.scan),
                             .bytes = size.parameters * number_bytes});
    });
    visit_block(blocks.feed_forward, [&](auto const& block) {
      pass.blocks.push_back(feed_forward_block(block, layer, tokens, number_bytes));
    });
    if (blocks.reentry) {
      auto const numbers = blocks.reentry.weight.size();
      pass.blocks.push_back(
          {.layer = layer, .kind = "reentry", .flops = tokens * 2 * numbers, .bytes = numbers * number_bytes});
    }
  }
  auto const head = model.head.weight.size();
  pass.blocks.push_back(
      {.layer = model.layers.size(), .kind = "output", .flops = 2 * head, .bytes = head * number_bytes});
  return pass;
}

/// The same from a configuration.
[[nodiscard]] inline pass_cost cost_of(reference::model_config const& config, any_policy const& policy, phase when,
                                       std::size_t context, std::size_t number_bytes = 2) {
  return cost_of(config.outline(), policy, when, context, number_bytes);
}

}  // namespace headcount::v0::evaluate
