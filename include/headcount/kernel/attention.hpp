#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/fill.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/dot.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/kernel/shared_heads.hpp>
#include <headcount/kernel/softmax.hpp>
#include <headcount/mask/attention_pattern.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::kernel {

/// One query position of one attention layer. The last axis is contiguous; in `keys`, the first may be instead:
/// features of consecutive keys then lie side by side.
struct attention_inputs {
  strided_view<float const, 2> queries;  ///< [head, dim], rotated
  strided_view<float const, 3> keys;     ///< [key, kv_head, dim], the visible keys in position order, rotated
  strided_view<float const, 3> values;   ///< [key, kv_head, dim]
  float scale = 1;                       ///< of the logits, usually 1 / sqrt(dim)
  std::size_t first_key = 0;             ///< position of keys[0]

  // For scorers that ask for them, see policy::reads() and policy::state_size().
  std::span<float const> input{};                    ///< [width], the block's input
  strided_view<float const, 2> gates{};              ///< [head, dim], after their sigmoid; empty where there are none
  strided_view<float const, 3> output_projection{};  ///< [head, width, dim]
  std::span<double> memory{};                        ///< of scorer_state at this layer
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

/// One head's logits of consecutive keys, the first of them key `first`: scale * query . key. O(keys * dim).
inline void qk_logits(attention_inputs const& in, site const& where, std::size_t head, std::size_t first,
                      std::span<float> logits) noexcept {
  auto const query = in.queries[head].as_span();
  auto const shared = head / where.group;
  if (in.keys.stride(0) == 1) {
    fill(logits, 0.0f);
    for (std::size_t i = 0; i < query.size(); ++i)
      add_scaled(logits, in.scale * query[i], {&in.keys(first, shared, i), logits.size()});
  } else {
    for (std::size_t key = 0; key < logits.size(); ++key)
      logits[key] = in.scale * dot(query, in.keys[first + key][shared].as_span());
  }
}

/// One head's weights: softmax of its logits of all visible keys. O(keys * dim).
inline void weigh_keys(attention_inputs const& in, site const& where, std::size_t head, std::span<float> row) noexcept {
  qk_logits(in, where, head, 0, row);
  softmax(row);
}

/// A dropped head's weights where a mask lets it attend otherwise: 0 on all keys but those of `to`.
inline void sink_recent_weights(attention_inputs const& in, site const& where, std::size_t head,
                                attention_pattern const& to, std::span<float> row) noexcept {
  auto const weighed = row.first(to.size(row.size()));  // side by side, for the softmax, before they go to their places
  if (to.even) {
    fill(weighed, 1 / static_cast<float>(weighed.size()));
  } else {
    std::size_t at = 0;
    to.for_each_range(row.size(), [&](std::size_t begin, std::size_t end) {
      qk_logits(in, where, head, begin, weighed.subspan(at, end - begin));
      at += end - begin;
    });
    softmax(weighed);
  }
  auto const newest = row.subspan(to.begin_of_newest(row.size()));
  auto const rest = row.subspan(to.end_of_oldest(row.size()));
  std::ranges::copy_backward(rest.first(newest.size()), newest.end());
  fill(rest.first(rest.size() - newest.size()), 0.0f);
}

/// One head's output: the sum of the values of all visible keys, each by its weight. O(keys * dim).
inline void sum_values(attention_inputs const& in, site const& where, std::size_t head, std::span<float const> row,
                       std::span<float> output) noexcept {
  auto const shared = head / where.group;
  strided_view<float const, 2> const values{
      &in.values(0, shared, 0), {row.size(), output.size()}, {in.values.stride(0), 1}};
  weighted_sum(row, values, output);
}

/// A dropped head's output where it attends otherwise: the values of the keys of `to` alone. O(those keys * dim).
inline void sum_values_of(attention_pattern const& to, attention_inputs const& in, site const& where, std::size_t head,
                          std::span<float const> row, std::span<float> output) noexcept {
  sum_values(in, where, head, row.first(to.end_of_oldest(row.size())), output);
  for (auto key = to.begin_of_newest(row.size()); key < row.size(); ++key)
    add_scaled(output, row[key], in.values[key][head / where.group].as_span());
}

/// Whether watching throws nothing: that of nobody. Others may allocate.
template <class Observer>
inline constexpr bool watches_quietly = std::same_as<std::remove_cvref_t<Observer>, no_observer>;

/// One query position's attention at work: what attend is given, the rows and outputs that it fills, and how far it is.
template <head_policy Policy, class Observer>
struct attention_step {
  Policy const& policy;
  site const& where;
  attention_inputs const& in;
  std::span<any_edit const> edits;
  strided_view<float, 2> rows;     ///< [head, key]
  strided_view<float, 2> outputs;  ///< [head, dim]
  Observer& observer;

  head_set all = head_set::first(where.heads);
  head_set kept = all;
  head_set weighed{};   ///< heads whose rows hold weights
  bool summed = false;  ///< whether all outputs are those of the rows

  /// What the policy keeps, by what is known so far.
  [[nodiscard]] head_set choose() const noexcept(watches_quietly<Observer>) {
    auto const gate_of = [&](std::size_t head) {
      return in.gates.extent(0) == 0 ? head_gate{} : head_gate{in.gates[head].as_span()};
    };
    auto const query_of = [&](std::size_t head) { return head_query{in.queries[head].as_span()}; };
    auto const row_of = [&](std::size_t head) -> row_view { return rows[head]; };
    auto const output_of = [&](std::size_t head) { return head_output{outputs[head]}; };
    attention_tensors const tensors{.input = {in.input},
                                    .gates = gate_of,
                                    .queries = query_of,
                                    .rows = row_of,
                                    .outputs = output_of,
                                    .projection = in.output_projection,
                                    .memory = in.memory};
    if constexpr (watches_scores<Observer>) {
      head_scores scores;
      auto const chosen = headcount::decide(policy, where, tensors, scores);
      observer.scored(where, std::span<double const>{scores}.first(where.heads));
      return chosen;
    } else {
      return headcount::decide(policy, where, tensors);
    }
  }

  /// Chooses heads as soon as what the scorer reads is there; weighs what it reads, what is kept and what `needed`
  /// says.
  void decide(head_set const& needed) noexcept(watches_quietly<Observer>) {
    constexpr bool may_read_before = Policy::may_read(reading::nothing) || Policy::may_read(reading::input) ||
                                     Policy::may_read(reading::gate) || Policy::may_read(reading::query);
    constexpr bool may_read_after = Policy::may_read(reading::output) || Policy::may_read(reading::contribution);
    auto const reads = policy.reads().last();
    bool const chooses = policy.where.covers(where);
    if constexpr (may_read_before)
      if (chooses && reads < reading::row) kept = choose();
    weighed = chooses && reads >= reading::row ? all : kept | needed;
    shared_logits(weighed, where.group, in.queries, in.keys, in.scale, rows);
    for (auto const head : weighed) {
      softmax(rows[head].as_span());
      observer.row(where, head, rows[head].as_span());
    }
    if constexpr (Policy::may_read(reading::row))
      if (chooses && reads == reading::row) kept = choose();
    if constexpr (may_read_after)
      if (chooses && reads > reading::row) {
        shared_outputs(all, where.group, rows, in.values, outputs);
        summed = true;
        kept = choose();
      }
    observer.kept(where, kept);
  }

  /// Gives dropped heads the weights of a mask that lets them attend, and edits all weights there are.
  void edit(std::optional<attention_pattern> const& dropped) noexcept(watches_quietly<Observer>) {
    if (dropped) {
      for (auto const head : all)
        if (!kept.contains(head)) sink_recent_weights(in, where, head, *dropped, rows[head].as_span());
      weighed = all;
    }
    for (auto const& edit : edits)
      if (edit.edits_weights(where)) edit(rows, weighed, {.first = in.first_key, .phase = where.phase});
    if constexpr (watches_edited_rows<Observer>)
      for (auto const head : weighed) observer.edited_row(where, head, rows[head].as_span());
  }

  /// Sums up the values of kept heads, and makes the outputs of the others what the mask says.
  void sum(std::optional<attention_pattern> const& dropped, bool edited) noexcept(watches_quietly<Observer>) {
    auto const factor = static_cast<float>(policy.mask.factors(kept.size(), where.heads).outputs);
    if (dropped && edited) shared_outputs(all, where.group, rows, in.values, outputs);
    else if (edited || !summed) shared_outputs(kept, where.group, rows, in.values, outputs);
    for (auto const head : all) {
      auto const output = outputs[head].as_span();
      if (kept.contains(head)) {
        if constexpr (watches_outputs<Observer>) observer.output(where, head, output);
        if (factor != 1)
          for (auto& value : output) value *= factor;
      } else if (dropped && !edited) {
        sum_values_of(*dropped, in, where, head, rows[head].as_span(), output);
      } else if (!dropped) {
        mask_output(policy.mask, where, head, outputs[head]);
      }
    }
  }
};

/// Attention at one query position under a policy, as its formula.
///
///     weights[head, key] = softmax_key(scale * queries[head] . keys[key, head / group])
///     outputs[head]      = sum_key weights[head, key] * values[key, head / group]     (kept heads; others as masked)
///
/// Only what the scorer asks for is computed for heads that are dropped: nothing at all when it reads nothing, the
/// input, gates or the query, their weights when it reads the row, everything when it reads more; and the keys and
/// values that a mask lets them attend to. Edits act on the weights after heads were chosen, in order, and on those
/// that a mask gives a dropped head; an edit that mixes heads gets the weights of each of them. Heads that share keys
/// and values walk over them together, see shared_heads.hpp; what a head gets does not depend on the others.
///
/// `rows` is room for weights, `[head, key]`, and `outputs` is `[head, dim]`, last axis contiguous. Returns the kept
/// heads. O(heads * keys * dim), no allocation but what an observer makes.
template <head_policy Policy, attention_observer Observer = no_observer>
head_set attend(Policy const& policy, site const& where, attention_inputs const& in, std::span<any_edit const> edits,
                strided_view<float, 2> rows, strided_view<float, 2> outputs,
                Observer&& observer = {}) noexcept(watches_quietly<Observer>) {
  if constexpr (watches_inputs<Observer>) observer.input(where, in.input);
  auto const keys = in.keys.extent(0);
  attention_step<Policy, std::remove_reference_t<Observer>> step{policy, where, in, edits, rows, outputs, observer};
  head_set needed;  // by edits, whether they are kept or not
  bool edited = false;
  for (auto const& edit : edits) {
    if (!edit.edits_weights(where)) continue;
    edited = true;
    needed = needed | edit.needed_heads(step.all);
  }
  step.decide(needed);
  auto const dropped = step.kept == step.all ? std::nullopt : attention_of(policy.mask, keys);
  step.edit(dropped);
  step.sum(dropped, edited);
  return step.kept;
}

/// The same with room in a workspace, which allocates while it grows.
template <head_policy Policy, attention_observer Observer = no_observer>
head_set attend(Policy const& policy, site const& where, attention_inputs const& in, std::span<any_edit const> edits,
                attention_workspace& workspace, strided_view<float, 2> outputs, Observer&& observer = {}) {
  auto const rows = workspace.rows(where.heads, in.keys.extent(0));
  return attend(policy, where, in, edits, rows, outputs, std::forward<Observer>(observer));
}

}  // namespace headcount::v0::kernel
