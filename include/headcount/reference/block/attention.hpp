#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/reference/block/key_value_cache.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/block/segment.hpp>
#include <headcount/score/memory.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::inline v0::reference {

/// An attention block: MHA (as many key/value heads as heads), GQA, or MQA (one key/value head); causal, over all past
/// tokens or a sliding window; with rotary positions or none.
struct attention {
  linear query{};   ///< [heads * dim, width]
  linear key{};     ///< [kv_heads * dim, width]
  linear value{};   ///< [kv_heads * dim, width]
  linear output{};  ///< [width, heads * dim]
  std::size_t heads = 1;
  std::size_t key_value_heads = 1;
  std::size_t head_dim = 1;
  std::optional<std::size_t> window{};       ///< keys a query sees, its own included; all when empty
  std::optional<rotary_embedding> rotary{};  ///< none when empty

  [[nodiscard]] std::size_t group() const noexcept { return heads / key_value_heads; }
  [[nodiscard]] key_value_cache empty_state() const { return {key_value_heads, head_dim}; }
};

/// What attention works under: the policy, the weight edits, and who watches.
template <head_policy Policy, kernel::attention_observer Observer>
struct attention_control {
  Policy const& policy;
  std::span<any_edit const> edits;
  Observer& observer;
};

/// Rotates every head of one token, `[head * dim]`, to its position; nothing without rotary positions.
inline void rotate_heads(attention const& block, std::size_t position, std::span<float> features) noexcept {
  if (!block.rotary) return;
  for (std::size_t at = 0; at < features.size(); at += block.head_dim)
    apply(*block.rotary, position, features.subspan(at, block.head_dim));
}

/// The columns of the output projection that each head's output meets, `[head, width, dim]`: where they lie when they
/// are float32 already, otherwise widened into `buffer`.
[[nodiscard]] inline strided_view<float const, 3> head_projections(attention const& block, matrix& buffer) {
  auto const width = block.output.weight.rows();
  auto const weight = widened_rows(block.output, 0, width, buffer);
  return {weight.data(),
          {block.heads, width, block.head_dim},
          {index(block.head_dim), index(block.heads * block.head_dim), 1}};
}

/// What attention needs of one sequence beside its tokens.
struct attended_sequence {
  key_value_cache* cache = nullptr;
  site where{};                    ///< of its first new token; the position is filled in
  score_memory* memory = nullptr;  ///< for policies that remember
};

/// Attention of one sequence over its cache. `queries` holds its last tokens, `[token, heads * dim]`, whose keys and
/// values are in the cache already; each is replaced by its outputs before the projection. `inputs` are the same tokens
/// before any projection, and `projection` is head_projections where the policy asks for it.
template <class Control>
void attend_sequence(attention const& block, attended_sequence const& sequence, Control const& control,
                     kernel::attention_workspace& workspace, matrix& queries, matrix const& inputs,
                     strided_view<float const, 3> projection, std::size_t begin, std::size_t count) {
  std::vector<float> outputs(block.heads * block.head_dim);
  auto where = sequence.where;
  auto const slots = control.policy.slots();
  for (std::size_t token = begin; token < begin + count; ++token, ++where.position) {
    auto const query = row_of(queries, token);
    rotate_heads(block, where.position, query);
    auto const seen = block.window ? std::min(*block.window, where.position + 1) : where.position + 1;
    auto const first = where.position + 1 - seen;
    kernel::attend(control.policy, where,
                   {.queries = {query.data(), {block.heads, block.head_dim}},
                    .keys = sequence.cache->keys(first, seen),
                    .values = sequence.cache->values(first, seen),
                    .scale = 1 / std::sqrt(static_cast<float>(block.head_dim)),
                    .first_key = first,
                    .input = row_of(inputs, token),
                    .output_projection = projection,
                    .memory = slots == 0 ? std::span<double>{} : sequence.memory->of(where.layer, slots, block.heads)},
                   control.edits, workspace, {outputs.data(), {block.heads, block.head_dim}}, control.observer);
    std::ranges::copy(outputs, query.begin());
  }
}

/// x `[token, width]`, packed; `sequences` has one a segment. Gives the block's output for the wanted tokens. Each
/// sequence sees its own cache alone.
template <class Control>
[[nodiscard]] matrix apply(attention const& block, matrix const& x, std::span<segment const> segments,
                           std::span<attended_sequence const> sequences, wanted which, Control const& control) {
  matrix keys = apply(block.key, x);
  matrix const values = apply(block.value, x);
  matrix const inputs = wanted_rows(x, segments, which);
  matrix queries = apply(block.query, inputs);
  matrix buffer;
  strided_view<float const, 3> projection;
  if (control.policy.reads() == reading::contribution) projection = head_projections(block, buffer);
  kernel::attention_workspace workspace;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    auto const [begin, count, position] = segments[i];
    auto sequence = sequences[i];
    for (std::size_t token = 0; token < count; ++token) {
      rotate_heads(block, position + token, row_of(keys, begin + token));
      sequence.cache->append(row_of(keys, begin + token), row_of(values, begin + token));
    }
    bool const all = which == wanted::all_tokens;
    sequence.where.position = all ? position : position + count - 1;
    attend_sequence(block, sequence, control, workspace, queries, inputs, projection, all ? begin : i, all ? count : 1);
    if (block.window) sequence.cache->trim(*block.window);
  }
  return apply(block.output, queries);
}

}  // namespace headcount::inline v0::reference
