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

/// What one query of one sequence works with: its rotated features and the keys and values it sees.
[[nodiscard]] inline kernel::attention_inputs inputs_of(attention const& block, key_value_cache const& cache,
                                                        std::size_t position, std::span<float const> query) noexcept {
  auto const seen = block.window ? std::min(*block.window, position + 1) : position + 1;
  auto const first = position + 1 - seen;
  return {.queries = {query.data(), {block.heads, block.head_dim}},
          .keys = cache.keys(first, seen),
          .values = cache.values(first, seen),
          .scale = 1 / std::sqrt(static_cast<float>(block.head_dim)),
          .first_key = first};
}

/// Edits, of which those that need to know every row of a pass have been told; see all_rows_edit. The rows are those of
/// one sequence's queries, as in attend_sequence, which must all be there. Computes them once more for each such edit.
[[nodiscard]] inline std::vector<any_edit> edits_knowing_pass(
    attention const& block, site const& first, key_value_cache const& cache, std::span<any_edit const> edits,
    kernel::attention_workspace& workspace, matrix const& queries, std::size_t begin, std::size_t count) {
  std::vector<any_edit> known;
  for (auto const& edit : edits) {
    known.push_back(edit);
    if (!edit.edits_weights(first) || !edit.needs_all_rows()) continue;
    double total = 0;
    auto where = first;
    for (std::size_t token = begin; token < begin + count; ++token, ++where.position) {
      std::vector<float> query(row_of(queries, token).begin(), row_of(queries, token).end());
      rotate_heads(block, where.position, query);
      auto const in = inputs_of(block, cache, where.position, query);
      auto const rows = workspace.rows(block.heads, in.keys.extent(0));
      seen_keys const seen{.first = in.first_key, .phase = where.phase};
      for (std::size_t head = 0; head < block.heads; ++head) kernel::weigh_keys(in, where, head, rows[head].as_span());
      for (auto const& before : std::span{known}.first(known.size() - 1))
        if (before.edits_weights(where)) before(rows, head_set::first(block.heads), seen);
      total += edit.sum(rows, seen);
      if (token + 1 == begin + count) known.back() = edit.knowing(total, rows, seen);
    }
  }
  return known;
}

/// Attention of one sequence over its cache. `queries` holds its last tokens, `[token, heads * dim]`, whose keys and
/// values are in the cache already; each is replaced by its outputs before the projection. `where` is the site of the
/// first of them.
template <class Control>
void attend_sequence(attention const& block, site where, key_value_cache const& cache, Control const& control,
                     kernel::attention_workspace& workspace, matrix& queries, std::size_t begin, std::size_t count) {
  auto edits = control.edits;
  std::vector<any_edit> known;
  if (needs_all_rows(edits, where))
    edits = known = edits_knowing_pass(block, where, cache, edits, workspace, queries, begin, count);
  std::vector<float> outputs(block.heads * block.head_dim);
  for (std::size_t token = begin; token < begin + count; ++token, ++where.position) {
    auto const query = row_of(queries, token);
    rotate_heads(block, where.position, query);
    kernel::attend(control.policy, where, inputs_of(block, cache, where.position, query), edits, workspace,
                   {outputs.data(), {block.heads, block.head_dim}}, control.observer);
    std::ranges::copy(outputs, query.begin());
  }
}

/// x `[token, width]`, packed; `caches` has one cache a segment and `sites` its site, without a position. Gives the
/// block's output for the wanted tokens. Each sequence sees its own cache alone.
template <class Control>
[[nodiscard]] matrix apply(attention const& block, matrix const& x, std::span<segment const> segments,
                           std::span<key_value_cache* const> caches, wanted which, std::span<site const> sites,
                           Control const& control) {
  matrix keys = apply(block.key, x);
  matrix const values = apply(block.value, x);
  matrix queries = apply(block.query, wanted_rows(x, segments, which));
  kernel::attention_workspace workspace;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    auto const [begin, count, position] = segments[i];
    for (std::size_t token = 0; token < count; ++token) {
      rotate_heads(block, position + token, row_of(keys, begin + token));
      caches[i]->append(row_of(keys, begin + token), row_of(values, begin + token));
    }
    auto where = sites[i];
    where.position = which == wanted::all_tokens ? position : position + count - 1;
    if (which == wanted::all_tokens)
      attend_sequence(block, where, *caches[i], control, workspace, queries, begin, count);
    else attend_sequence(block, where, *caches[i], control, workspace, queries, i, 1);
    if (block.window) caches[i]->trim(*block.window);
  }
  return apply(block.output, queries);
}

}  // namespace headcount::inline v0::reference
