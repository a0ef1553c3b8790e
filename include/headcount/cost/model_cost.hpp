#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/cost/attention_cost.hpp>
#include <headcount/cost/dropped_work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/has_nonzero_output.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::evaluate {

/// What one block costs in one pass, at most. Convolutions, norms, activations and softmax are not counted.
struct block_cost {
  std::size_t layer = 0;
  std::string_view kind;  ///< attention, rg_lru, mamba, mlp, experts, output
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

/// The numbers of a Mamba or RG-LRU block's products, biases left out, and the FLOPs of its scan for one token.
struct recurrent_size {
  std::size_t parameters = 0;
  std::size_t scan = 0;
};

/// Projections in and out, and two block-diagonal gates; the scan is h = a h + b x, and the gate of x.
[[nodiscard]] inline recurrent_size recurrent_size_of(reference::recurrent_gemma_config const& config) noexcept {
  return {3 * config.width * config.lru_width + 2 * config.lru_width * (config.lru_width / config.heads),
          4 * config.lru_width};
}

/// Projections in and out, of dt, B and C, and of the step; the scan is exp(dt a) h + B x and its product with C.
[[nodiscard]] inline recurrent_size recurrent_size_of(reference::jamba_config const& config) noexcept {
  auto const channels = config.mamba_channels;
  return {3 * config.width * channels + (config.mamba_rank + 2 * config.mamba_states) * channels +
              config.mamba_rank * channels,
          6 * channels * config.mamba_states};
}

/// The sizes of an attention block of a configuration: all that its cost depends on.
[[nodiscard]] inline kernel::attention_shape attention_shape_of(reference::recurrent_gemma_config const& config) {
  return {config.width, config.heads, config.key_value_heads, config.head_dim, config.window};
}
[[nodiscard]] inline kernel::attention_shape attention_shape_of(reference::jamba_config const& config) {
  return {config.width, config.heads, config.key_value_heads, config.head_dim, {}};
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
  auto const seen_at = [&](std::size_t position) { return std::min(position + 1, shape.window.value_or(context)); };
  std::size_t keys = 0;  // that all tokens see
  kernel::masked_heads masked{.projected = has_nonzero_output(policy.mask, where)};
  for (auto position = context - tokens; position < context; ++position) {
    auto const seen = seen_at(position);
    keys += seen;
    auto const work = kernel::work_of(policy.mask.attention(seen), seen, seen == shape.window);
    masked.work = {masked.work.weighed + work.weighed, masked.work.summed + work.summed, work.stored, work.shared};
  }

  auto const reads_at = [&] { return policy.where.covers(where) ? policy.reads() : reading::nothing; };
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

/// The cost of one pass of a model under a policy, block by block, from its configuration alone. `context` is at least
/// 1; a number of weights or cache takes `number_bytes`, 2 as bfloat16. Prefill reads weights once and computes the
/// logits of its last token. Throws headcount::error when the policy does not fit the model.
template <class Config>
[[nodiscard]] pass_cost cost_of(Config const& config, any_policy const& policy, phase when, std::size_t context,
                                std::size_t number_bytes = 2) {
  constexpr bool is_jamba = std::is_same_v<Config, reference::jamba_config>;
  auto const tokens = when == phase::prefill ? context : 1;
  auto const shape = attention_shape_of(config);
  auto const recurrent = recurrent_size_of(config);
  auto const mlp = 3 * config.width * (is_jamba ? config.intermediate : config.intermediate / 2);
  pass_cost pass;
  for (std::size_t layer = 0; layer < config.layers; ++layer) {
    if (config.attends[layer]) {
      pass.blocks.push_back(attention_block(shape, policy, layer, when, context, number_bytes));
    } else {
      pass.blocks.push_back({.layer = layer,
                             .kind = is_jamba ? "mamba" : "rg_lru",
                             .flops = tokens * (2 * recurrent.parameters + recurrent.scan),
                             .bytes = recurrent.parameters * number_bytes});
    }
    block_cost feed_forward{.layer = layer, .kind = "mlp", .flops = tokens * 2 * mlp, .bytes = mlp * number_bytes};
    if constexpr (is_jamba) {
      if (config.routes[layer]) {
        auto const router = config.width * config.experts;
        feed_forward.kind = "experts";
        feed_forward.flops = tokens * 2 * (router + config.chosen_experts * mlp);
        feed_forward.bytes = (router + std::min(config.experts, tokens * config.chosen_experts) * mlp) * number_bytes;
      }
    }
    pass.blocks.push_back(feed_forward);
  }
  auto const head = config.vocabulary * config.width;
  pass.blocks.push_back({.layer = config.layers, .kind = "output", .flops = 2 * head, .bytes = head * number_bytes});
  return pass;
}

/// The same for any configuration.
[[nodiscard]] inline pass_cost cost_of(reference::model_config const& config, any_policy const& policy, phase when,
                                       std::size_t context, std::size_t number_bytes = 2) {
  return std::visit([&](auto const& one) { return cost_of(one, policy, when, context, number_bytes); }, config);
}

}  // namespace headcount::v0::evaluate
