#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/scorer_state.hpp>
#include <headcount/reference/block/key_value_cache.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/norm.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/block/segment.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::reference {

/// An attention block: MHA (as many key/value heads as heads), GQA, or MQA (one key/value head); causal, over all past
/// tokens or a sliding window; with rotary positions or none; queries and keys normalised or not.
///
///     outputs = softmax(scale query_norm(query x) . key_norm(key x)) value x     rotated where there are positions
///     y       = output_projection(outputs * sigmoid(gate x))                     without a gate: of outputs
///
/// Source: norms Henry et al. 2020, arXiv 2010.04245; the gate Qiu et al. 2025, arXiv 2505.06708.
struct attention {
  static constexpr std::string_view kind = "attention";

  linear query{};   ///< [heads * dim, width]
  linear key{};     ///< [kv_heads * dim, width]
  linear value{};   ///< [kv_heads * dim, width]
  linear output{};  ///< [width, heads * dim]
  linear gate{};    ///< [heads * dim, width], or none
  std::size_t heads = 1;
  std::size_t key_value_heads = 1;
  std::size_t head_dim = 1;
  std::optional<std::size_t> window{};       ///< keys a query sees, its own included; all when empty
  std::optional<rotary_embedding> rotary{};  ///< none when empty
  std::optional<float> scale{};              ///< of the logits; 1 / sqrt(head_dim) when empty
  std::optional<rms_norm> query_norm{};      ///< gain of one head, [dim], or of all at once, [heads * dim]
  std::optional<rms_norm> key_norm{};

  [[nodiscard]] std::size_t group() const noexcept { return heads / key_value_heads; }
  [[nodiscard]] key_value_cache empty_state() const { return {key_value_heads, head_dim}; }
};

/// What attention works under: the policy, and who watches.
template <head_policy Policy, kernel::attention_observer Observer>
struct attention_control {
  Policy const& policy;
  Observer& observer;
};

/// Rotates every head of one token, `[head * dim]`, to its position; nothing without rotary positions.
inline void rotate_heads(attention const& block, std::size_t position, std::span<float> features) noexcept {
  if (!block.rotary) return;
  for (std::size_t at = 0; at < features.size(); at += block.head_dim)
    apply(*block.rotary, position, features.subspan(at, block.head_dim));
}

/// Normalises the queries or keys of packed tokens, `[token, head * dim]`: head by head, or all heads at once.
inline void normalise_heads(std::optional<rms_norm> const& norm, matrix& features) noexcept {
  if (!norm) return;
  for (std::size_t token = 0; token < size(features.rows()); ++token)
    apply_to_parts(*norm, row_of(features, token), norm->gain.size());
}

/// What one query of one sequence works with: its rotated features and the keys and values it sees.
[[nodiscard]] inline kernel::attention_inputs inputs_of(attention const& block, key_value_cache const& cache,
                                                        std::size_t position, std::span<float const> query) noexcept {
  auto const seen = block.window ? (std::min)(*block.window, position + 1) : position + 1;
  auto const first = position + 1 - seen;
  return {.queries = {query.data(), {block.heads, block.head_dim}},
          .keys = cache.keys(first, seen),
          .values = cache.values(first, seen),
          .scale = block.scale.value_or(1 / std::sqrt(static_cast<float>(block.head_dim))),
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
      if (token + 1 == begin + count) known.back() = edit.with_pass_total(total, rows, seen);
    }
  }
  return known;
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
  site where{};                       ///< of its first new token; the position is filled in
  scorer_state* memory = nullptr;     ///< for policies that remember
  std::span<any_edit const> edits{};  ///< of its weights
};

/// Attention of one sequence over its cache. `queries` holds its last tokens, `[token, heads * dim]`, whose keys and
/// values are in the cache already; each is replaced by its outputs before the projection. `inputs` are the same tokens
/// before any projection, `gates` their output gates where the block has some, and `projection` is head_projections
/// where the policy asks for it. What the policy's mask multiplies the projection's bias by goes to `bias_factors`, one
/// a token.
template <class Control>
void attend_sequence(attention const& block, attended_sequence const& sequence, Control const& control,
                     kernel::attention_workspace& workspace, matrix& queries, matrix const& inputs, matrix const& gates,
                     strided_view<float const, 3> projection, std::span<float> bias_factors, std::size_t begin,
                     std::size_t count) {
  auto const& cache = *sequence.cache;
  auto edits = sequence.edits;
  std::vector<any_edit> known;
  if (needs_all_rows(edits, sequence.where))
    edits = known = edits_knowing_pass(block, sequence.where, cache, edits, workspace, queries, begin, count);
  std::vector<float> outputs(block.heads * block.head_dim);
  auto where = sequence.where;
  auto const size = control.policy.state_size();
  for (std::size_t token = begin; token < begin + count; ++token, ++where.position) {
    auto const query = row_of(queries, token);
    rotate_heads(block, where.position, query);
    auto in = inputs_of(block, cache, where.position, query);
    in.input = row_of(inputs, token);
    if (block.gate) in.gates = {row_of(gates, token).data(), {block.heads, block.head_dim}};
    in.output_projection = projection;
    if (size > 0) in.memory = sequence.memory->of(where.layer, size, block.heads);
    auto const kept = kernel::attend(control.policy, where, in, edits, workspace,
                                     {outputs.data(), {block.heads, block.head_dim}}, control.observer);
    std::ranges::copy(outputs, query.begin());
    bias_factors[token] = static_cast<float>(control.policy.mask.factors(kept.size(), block.heads).bias);
  }
}

/// x `[token, width]`, packed; `sequences` has one a segment. Gives the block's output for the wanted tokens. Each
/// sequence sees its own cache alone.
template <class Control>
[[nodiscard]] matrix apply(attention const& block, matrix const& x, std::span<segment const> segments,
                           std::span<attended_sequence const> sequences, wanted which, Control const& control) {
  matrix keys = apply(block.key, x);
  normalise_heads(block.key_norm, keys);
  matrix const values = apply(block.value, x);
  matrix const inputs = wanted_rows(x, segments, which);
  matrix queries = apply(block.query, inputs);
  normalise_heads(block.query_norm, queries);
  matrix gates;  // [token, heads * dim]
  if (block.gate) gates = apply(block.gate, inputs).array().logistic();
  std::vector<float> bias_factors(size(queries.rows()));
  matrix buffer;
  strided_view<float const, 3> projection;
  if (control.policy.reads().contains(reading::contribution)) projection = head_projections(block, buffer);
  kernel::attention_workspace workspace;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    auto const [begin, count, position] = segments[i];
    auto sequence = sequences[i];
    if (count > 1) sequence.cache->make_room(count);
    for (std::size_t token = 0; token < count; ++token) {
      rotate_heads(block, position + token, row_of(keys, begin + token));
      sequence.cache->append(row_of(keys, begin + token), row_of(values, begin + token));
    }
    bool const all = which == wanted::all_tokens;
    sequence.where.position = all ? position : position + count - 1;
    attend_sequence(block, sequence, control, workspace, queries, inputs, gates, projection, bias_factors,
                    all ? begin : i, all ? count : 1);
    if (block.window) sequence.cache->trim(*block.window);
  }
  if (block.gate) queries.array() *= gates.array();
  matrix y = apply(block.output, queries);
  for (std::size_t token = 0; token < bias_factors.size() && !block.output.bias.empty(); ++token)
    if (bias_factors[token] != 1)
      y.row(index(token)).array() += (bias_factors[token] - 1) * as_array(std::span{block.output.bias});
  return y;
}

}  // namespace headcount::v0::reference
