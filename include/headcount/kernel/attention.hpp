#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/dot.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/kernel/softmax.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/score/evidence.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::inline v0::kernel {

/// One query position of one attention layer. The last axis is contiguous; in `keys`, the first may be instead, which
/// is faster: features of consecutive keys then lie side by side.
struct attention_inputs {
  strided_view<float const, 2> queries;  ///< [head, dim], rotated
  strided_view<float const, 3> keys;     ///< [key, kv_head, dim], the visible keys in position order, rotated
  strided_view<float const, 3> values;   ///< [key, kv_head, dim]
  float scale = 1;                       ///< of the logits, usually 1 / sqrt(dim)
  std::size_t first_key = 0;             ///< position of keys[0]

  // For scorers that ask for them, see policy::reads() and policy::slots().
  std::span<float const> input{};                    ///< [width], the block's input
  strided_view<float const, 3> output_projection{};  ///< [head, width, dim]
  std::span<double> memory{};                        ///< of score_memory at this layer
};

/// Memory that attention reuses from call to call; it grows to the longest row it has met.
class attention_workspace {
 public:
  /// Room for weights, `[head, key]`.
  [[nodiscard]] strided_view<float, 2> rows(std::size_t heads, std::size_t keys) {
    if (memory_.size() < heads * keys) memory_.resize(heads * keys);
    return {memory_.data(), {heads, keys}};
  }

 private:
  std::vector<float> memory_;
};

/// One head's weights: softmax over the visible keys of scale * query . key. O(keys * dim).
inline void weigh_keys(attention_inputs const& in, site const& where, std::size_t head, std::span<float> row) noexcept {
  auto const query = in.queries[head].as_span();
  auto const shared = head / where.group;
  if (in.keys.stride(0) == 1) {
    std::ranges::fill(row, 0.0f);
    for (std::size_t i = 0; i < query.size(); ++i)
      add_scaled(row, in.scale * query[i], {&in.keys(0, shared, i), row.size()});
  } else {
    for (std::size_t key = 0; key < row.size(); ++key) row[key] = in.scale * dot(query, in.keys[key][shared].as_span());
  }
  softmax(row);
}

/// One head's output: the sum of the values, each by its weight. O(keys * dim).
inline void sum_values(attention_inputs const& in, site const& where, std::size_t head, std::span<float const> row,
                       std::span<float> output) noexcept {
  auto const shared = head / where.group;
  strided_view<float const, 2> const values{
      &in.values(0, shared, 0), {row.size(), output.size()}, {in.values.stride(0), 1}};
  weighted_sum(row, values, output);
}

/// Attention at one query position under a policy, as its formula.
///
///     weights[head, key] = softmax_key(scale * queries[head] . keys[key, head / group])
///     outputs[head]      = sum_key weights[head, key] * values[key, head / group]     (kept heads; others as masked)
///
/// Only what the scorer asks for is computed for heads that are dropped: nothing at all when it reads nothing, the
/// input or the query, their weights when it reads the row, everything when it reads more. Edits act on the weights
/// after heads were chosen, in order; an edit that mixes heads gets the weights of each of them.
///
/// `outputs` is `[head, dim]`, last axis contiguous. O(heads * keys * dim); allocates only while `workspace` grows.
template <head_policy Policy, attention_observer Observer = no_observer>
void attend(Policy const& policy, site const& where, attention_inputs const& in, std::span<any_edit const> edits,
            attention_workspace& workspace, strided_view<float, 2> outputs, Observer&& observer = {}) {
  auto const all = head_set::first(where.heads);
  auto const rows = workspace.rows(where.heads, in.keys.extent(0));
  auto const in_scope = policy.where.covers(where);
  auto const reads = policy.reads();
  bool const by_row = in_scope && reads == reading::row;
  bool const by_output = in_scope && reads > reading::row;
  head_set needed;  // by edits, whether they are kept or not
  bool edited = false;
  for (auto const& edit : edits) {
    if (!edit.edits_weights(where)) continue;
    edited = true;
    needed = needed | edit.needed_heads(all);
  }

  auto const query_of = [&](std::size_t head) { return head_query{in.queries[head].as_span()}; };
  auto const row_of = [&](std::size_t head) -> row_view { return rows[head]; };
  auto const output_of = [&](std::size_t head) { return head_output{outputs[head]}; };
  head_evidence const known{.input = {in.input},
                            .queries = query_of,
                            .rows = row_of,
                            .outputs = output_of,
                            .projection = in.output_projection,
                            .memory = in.memory};
  auto const choose = [&] {
    if constexpr (watches_scores<Observer>) {
      head_scores scores;
      auto const chosen = decide(policy, where, known, scores);
      observer.scored(where, std::span<double const>{scores}.first(where.heads));
      return chosen;
    } else {
      return decide(policy, where, known);
    }
  };

  head_set kept = all;
  if constexpr (Policy::may_read(reading::nothing) || Policy::may_read(reading::input) ||
                Policy::may_read(reading::query))
    if (in_scope && reads < reading::row) kept = choose();

  head_set const computed = by_row || by_output ? all : kept | needed;
  for (auto const head : computed) {
    weigh_keys(in, where, head, rows[head].as_span());
    observer.row(where, head, rows[head].as_span());
  }

  if constexpr (Policy::may_read(reading::row))
    if (by_row) kept = choose();
  if constexpr (Policy::may_read(reading::output) || Policy::may_read(reading::contribution)) {
    if (by_output) {
      for (auto const head : all) sum_values(in, where, head, rows[head].as_span(), outputs[head].as_span());
      kept = choose();
    }
  }
  observer.kept(where, kept);

  for (auto const& edit : edits)
    if (edit.edits_weights(where)) edit(rows, computed, {.first = in.first_key, .phase = where.phase});
  if constexpr (watches_edited_rows<Observer>)
    for (auto const head : computed) observer.edited_row(where, head, rows[head].as_span());
  for (auto const head : all) {
    if (!kept.contains(head)) policy.mask(outputs[head]);
    else if (edited || !by_output) sum_values(in, where, head, rows[head].as_span(), outputs[head].as_span());
  }
}

}  // namespace headcount::inline v0::kernel
