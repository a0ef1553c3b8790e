#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/step.hpp>
#include <headcount/reference/block/ablated_channels.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/segment.hpp>
#include <headcount/reference/model/ablated_layer.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>

namespace headcount::v0::reference {

using evaluate::pass;
using step = evaluate::step<state>;

/// Embeddings of packed tokens, `[token, width]`.
[[nodiscard]] inline matrix embed(model const& model, std::span<step const> steps, std::size_t tokens) {
  matrix x(index(tokens), index(model.width()));
  std::size_t row = 0;
  for (auto const& one : steps)
    for (auto const token : one.tokens)
      widen(model.embedding, static_cast<std::size_t>(token) * model.width(), row_of(x, row++));
  return x * model.embedding_scale;
}

/// What a layer's attention adds for the wanted ones of packed tokens, under the policy.
template <class Control>
[[nodiscard]] matrix attend_tokens(attention const& block, std::size_t at, matrix const& x, std::span<step const> steps,
                                   std::span<segment const> segments, wanted which, phase when,
                                   Control const& control) {
  std::vector<attended_sequence> sequences;
  for (auto const& one : steps)
    sequences.push_back({.cache = &one.state->layers[at].keys,
                         .where = {.layer = at,
                                   .phase = when,
                                   .sequence_id = one.sequence_id,
                                   .heads = block.heads,
                                   .group = block.group(),
                                   .width = block.query.weight.row_size(),
                                   .head_dim = block.head_dim},
                         .memory = &one.state->memory,
                         .edits = one.edits});
  return apply(block, x, segments, std::span<attended_sequence const>{sequences}, which, control);
}

/// What a layer's recurrence adds for the wanted ones of packed tokens, without the channels that are ablated of each
/// sequence.
[[nodiscard]] inline matrix recur_tokens(recurrent_block const& block, std::size_t at, matrix const& x,
                                         std::span<step const> steps, std::span<segment const> segments, wanted which,
                                         std::span<ablated_layer const> away) {
  std::vector<recurrence*> memories;
  for (auto const& one : steps) memories.push_back(&one.state->layers[at].recurrent);
  std::span<recurrence* const> const all{memories};
  matrix y;
  visit_block(block, [&](auto const& any) {
    std::size_t row = 0;
    for (std::size_t begin = 0, end = 0; begin < segments.size(); begin = end) {
      std::vector<segment> alike;  // sequences that follow each other and lose the same channels run together
      std::size_t tokens = 0;
      for (; end < segments.size() && away[end].channels == away[begin].channels; ++end) {
        alike.push_back({tokens, segments[end].count, segments[end].position});
        tokens += segments[end].count;
      }
      if (begin == 0 && end == segments.size()) {
        y = apply(any, x, segments, all, which, away.front().channels);
        return;
      }
      matrix const part = x.middleRows(index(segments[begin].begin), index(tokens));
      matrix const made = apply(any, part, std::span<segment const>{alike}, all.subspan(begin, end - begin), which,
                                away[begin].channels);
      if (begin == 0) y.resize(which == wanted::all_tokens ? x.rows() : index(segments.size()), made.cols());
      y.middleRows(index(row), made.rows()) = made;
      row += size(made.rows());
    }
  });
  return y;
}

/// What a layer's feed-forward block makes of tokens, `[token, width]`; nothing where there is none.
[[nodiscard]] inline matrix feed_tokens(layer const& layer, matrix const& x) {
  matrix y;
  visit_block(layer.feed_forward, [&](auto const& block) { y = apply(block, x); });
  return y;
}

/// A pass that stands between two layers: what a model has made of some sequences' new tokens so far. A plain value, so
/// that several policies can go on from where they first differ.
struct activations {
  matrix x;                       ///< [token, width], packed; narrowed to the wanted tokens by the last layer
  std::vector<segment> segments;  ///< where each sequence's tokens stand
  std::size_t next_layer = 0;
  wanted rows = wanted::all_tokens;  ///< which tokens x holds
  matrix embedded{};                 ///< [token, width], of all tokens, where a layer reads them once more
};

/// Embeds new tokens. Throws headcount::error, before any state changes, for an empty sequence, an unknown token id, or
/// an edit that does not fit the model.
[[nodiscard]] inline activations begin_pass(model const& model, std::span<step const> steps) {
  for (auto const& one : steps)
    for (auto const& edit : one.edits) validate(edit, model);
  activations at;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto const name = text_of("sequence ", i);
    if (steps[i].tokens.empty()) throw error{name, "it has no token", "one token or more"};
    validate(steps[i].tokens, model, name);
    at.segments.push_back({.begin = tokens, .count = steps[i].tokens.size(), .position = steps[i].state->position});
    tokens += steps[i].tokens.size();
  }
  at.x = embed(model, steps, tokens);
  if (std::ranges::any_of(model.layers, [](auto const& one) { return one.order == layer_order::shared; }))
    at.embedded = at.x;
  return at;
}

/// Makes what a block made of tokens, `rows` of each sequence, 0 for sequences from which it is taken away.
template <class Gone>
void take_away(matrix& made, wanted rows, std::span<segment const> segments, std::span<ablated_layer const> away,
               Gone const& gone) {
  std::size_t row = 0;
  for (std::size_t i = 0; i < away.size(); ++i) {
    auto const count = rows == wanted::all_tokens ? segments[i].count : 1;
    if (std::invoke(gone, away[i])) made.middleRows(index(row), index(count)).setZero();
    row += count;
  }
}

/// Runs layers [at.next_layer, end) and brings the sequences' states in them up to date.
template <head_policy Policy, kernel::attention_observer Observer = kernel::no_observer>
void run_layers(model const& model, std::span<step const> steps, activations& at, std::size_t end, pass const& how,
                Policy const& policy, Observer&& observer = {}) {
  constexpr bool observed = !std::same_as<std::remove_cvref_t<Observer>, kernel::no_observer>;
  bool const remembers = policy.state_size() > 0;  // so the scores of every token are needed
  if (remembers)
    for (auto const& one : steps) one.state->memory.belong_to(policy.score, policy.select);
  attention_control<Policy, std::remove_reference_t<Observer>> const control{policy, observer};
  for (; at.next_layer < end; ++at.next_layer) {
    auto const& layer = model.layers[at.next_layer];
    bool const narrows = !observed && !remembers && !how.every_token && at.next_layer + 1 == model.layers.size() &&
                         std::ranges::none_of(steps, [&](step const& one) {
                           return needs_all_rows(one.edits, {.layer = at.next_layer, .phase = how.phase});
                         });
    auto const which = narrows ? wanted::last_token : wanted::all_tokens;
    std::vector<ablated_layer> away;
    for (auto const& one : steps) away.push_back(ablated(layer, at.next_layer, how.phase, one.edits));
    auto const clear = [&](matrix& made, wanted rows, auto const& gone) {
      take_away(made, rows, at.segments, away, gone);
    };
    // A mixer runs even where its output is taken away, so that its keys or its state are there afterwards.
    auto const attend = [&](matrix const& x, wanted rows) {
      return attend_tokens(*layer.attention, at.next_layer, x, steps, at.segments, rows, how.phase, control);
    };
    auto const recur = [&](matrix const& x) {
      return recur_tokens(layer.recurrent, at.next_layer, x, steps, at.segments, which, away);
    };
    bool const recurs = !std::holds_alternative<std::monostate>(layer.recurrent);
    bool const after = layer.order == layer_order::after;
    matrix added;  // by the mixers
    auto const add = [&](matrix mixed, bool ablated_layer::* gone) {
      clear(mixed, which, gone);
      if (added.size() == 0) added = std::move(mixed);
      else added += mixed;
    };
    if (layer.order == layer_order::shared) {
      matrix both(at.x.rows(), at.x.cols() + at.embedded.cols());
      both << at.x, at.embedded;
      matrix const mixed = attend(apply(layer.mixer_norm, std::move(both)), wanted::all_tokens);
      matrix fed = apply(layer.reentry, feed_tokens(layer, apply(layer.feed_forward_norm, mixed)));
      clear(fed, wanted::all_tokens, [](ablated_layer const& one) { return one.attention || one.feed_forward; });
      add(recur(apply(layer.recurrent_norm, matrix{at.x + fed})), &ablated_layer::recurrent);
    } else if (layer.attention || recurs) {
      matrix const normal = after ? at.x : apply(layer.mixer_norm, at.x);
      if (layer.attention) add(attend(normal, which), &ablated_layer::attention);
      if (recurs) add(recur(normal), &ablated_layer::recurrent);
      if (after) added = apply(layer.mixer_norm, std::move(added));
    }
    if (narrows) at.x = wanted_rows(at.x, at.segments, at.rows = which);
    if (added.size() != 0) at.x += added;
    if (layer.order == layer_order::shared || std::ranges::all_of(away, &ablated_layer::feed_forward) ||
        std::holds_alternative<std::monostate>(layer.feed_forward))
      continue;
    matrix fed = after ? apply(layer.feed_forward_norm, feed_tokens(layer, at.x))
                       : feed_tokens(layer, apply(layer.feed_forward_norm, at.x));
    clear(fed, at.rows, &ablated_layer::feed_forward);
    at.x += fed;
  }
}

/// Ends a pass whose layers have all run: moves the states' positions on and gives logits, as `forward` does.
[[nodiscard]] inline matrix end_pass(model const& model, std::span<step const> steps, activations at, pass const& how) {
  if (!how.every_token && at.rows == wanted::all_tokens) at.x = wanted_rows(at.x, at.segments, wanted::last_token);
  for (auto const& one : steps) one.state->position += one.tokens.size();
  matrix logits = apply(model.head, apply(model.final_norm, std::move(at.x)));
  if (model.logit_cap > 0) logits = model.logit_cap * (logits.array() / model.logit_cap).tanh();
  return logits;
}

/// Runs new tokens of one or more sequences through a model, under a policy, and brings their states up to date.
/// Sequences may have different lengths and none changes another: tokens are packed, not padded.
/// Gives logits, `[sequence, vocabulary]` for the last token of each, or `[token, vocabulary]` for all tokens, sequence
/// by sequence. Throws headcount::error, before any state changes, for an empty sequence, an unknown token id, or a
/// policy or an edit that does not fit the model.
///
/// Where only last tokens get logits, the last layer leaves out what the others would only feed to the head; an
/// observer sees every query nevertheless.
template <head_policy Policy, kernel::attention_observer Observer = kernel::no_observer>
[[nodiscard]] matrix forward(model const& model, std::span<step const> steps, pass const& how, Policy const& policy,
                             Observer&& observer = {}) {
  validate(policy, model);
  auto at = begin_pass(model, steps);
  run_layers(model, steps, at, model.layers.size(), how, policy, observer);
  return end_pass(model, steps, std::move(at), how);
}

}  // namespace headcount::v0::reference
