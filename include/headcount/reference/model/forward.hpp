#pragma once

#include <concepts>
#include <cstddef>
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
#include <headcount/reference/block/ablated_channels.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/segment.hpp>
#include <headcount/reference/model/ablated_layer.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>

namespace headcount::v0::reference {

/// The new tokens of one sequence and the state they continue.
struct step {
  std::span<token const> tokens{};
  reference::state* state = nullptr;
  std::size_t sequence_id = 0;  ///< site::sequence_id of the sequence: a number that names it, whatever batch it is in
};

/// What a pass is for, and what is done to its attention weights and its blocks.
struct pass {
  headcount::phase phase = headcount::phase::prefill;
  std::span<any_edit const> edits{};
  wanted logits_of = wanted::last_token;  ///< which tokens of each sequence get logits
};

/// Throws headcount::error when a token is not in the model's vocabulary; `what` names the tokens in the message.
inline void validate(std::span<token const> tokens, model const& model, std::string const& what) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || static_cast<std::size_t>(tokens[i]) >= model.vocabulary())
      throw error{text_of(what, "[", i, "]"), text_of("token id ", tokens[i], " is not in the vocabulary"),
                  text_of("0 to ", model.vocabulary() - 1)};
}

/// Embeddings of packed tokens, `[token, width]`.
[[nodiscard]] inline matrix embed(model const& model, std::span<step const> steps, std::size_t tokens) {
  matrix x(index(tokens), index(model.width()));
  std::size_t row = 0;
  for (auto const& step : steps)
    for (auto const token : step.tokens)
      widen(model.embedding, static_cast<std::size_t>(token) * model.width(), row_of(x, row++));
  return x * model.embedding_scale;
}

/// The output of one layer's mixer for the wanted ones of packed tokens: attention under the policy, or a recurrence
/// without the channels that are ablated.
template <class Control>
[[nodiscard]] matrix mix_tokens(model const& model, std::size_t at, matrix const& x, std::span<step const> steps,
                                std::span<segment const> segments, wanted which, phase when, Control const& control,
                                ablated_channels const& ablated) {
  auto const mix = [&]<class Mixer>(Mixer const& mixer) {
    if constexpr (std::is_same_v<Mixer, attention>) {
      std::vector<attended_sequence> sequences;
      for (auto const& step : steps)
        sequences.push_back({.cache = &std::get<key_value_cache>(step.state->layers[at]),
                             .where = {.layer = at,
                                       .phase = when,
                                       .sequence_id = step.sequence_id,
                                       .heads = mixer.heads,
                                       .group = mixer.group(),
                                       .width = model.width(),
                                       .head_dim = mixer.head_dim},
                             .memory = &step.state->memory});
      return apply(mixer, x, segments, std::span<attended_sequence const>{sequences}, which, control);
    } else {
      using memory = decltype(mixer.empty_state());
      std::vector<memory*> memories;
      for (auto const& step : steps) memories.push_back(&std::get<memory>(step.state->layers[at]));
      return apply(mixer, x, segments, std::span<memory* const>{memories}, which, ablated);
    }
  };
  return std::visit(mix, model.layers[at].mixer);
}

/// A pass that stands between two layers: what a model has made of some sequences' new tokens so far. A plain value, so
/// that several policies can go on from where they first differ.
struct activations {
  matrix x;                       ///< [token, width], packed; narrowed to the wanted tokens by the last layer
  std::vector<segment> segments;  ///< where each sequence's tokens stand
  std::size_t next_layer = 0;
  wanted rows = wanted::all_tokens;  ///< which tokens x holds
};

/// Embeds new tokens. Throws headcount::error, before any state changes, for an empty sequence, an unknown token id, or
/// an edit that does not fit the model.
[[nodiscard]] inline activations begin_pass(model const& model, std::span<step const> steps, pass const& how) {
  for (auto const& edit : how.edits) validate(edit, model);
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
  return at;
}

/// Runs layers [at.next_layer, end) and brings the sequences' states in them up to date.
template <head_policy Policy, kernel::attention_observer Observer = kernel::no_observer>
void run_layers(model const& model, std::span<step const> steps, activations& at, std::size_t end, pass const& how,
                Policy const& policy, Observer&& observer = {}) {
  constexpr bool observed = !std::same_as<std::remove_cvref_t<Observer>, kernel::no_observer>;
  bool const remembers = policy.state_size() > 0;  // so the scores of every token are needed
  if (remembers)
    for (auto const& step : steps)
      step.state->memory.belong_to(text_of(print(policy.score), " | ", print(policy.select)));
  attention_control<Policy, std::remove_reference_t<Observer>> const control{policy, how.edits, observer};
  for (; at.next_layer < end; ++at.next_layer) {
    auto const& layer = model.layers[at.next_layer];
    bool const narrows = !observed && !remembers && how.logits_of == wanted::last_token &&
                         at.next_layer + 1 == model.layers.size() &&
                         !needs_all_rows(how.edits, {.layer = at.next_layer, .phase = how.phase});
    auto const which = narrows ? wanted::last_token : wanted::all_tokens;
    auto const away = ablated(layer, at.next_layer, how.phase, how.edits);
    // A mixer runs even where its output is taken away, so that its keys or its state are there afterwards.
    matrix const mixed = mix_tokens(model, at.next_layer, apply(layer.mixer_norm, at.x), steps, at.segments, which,
                                    how.phase, control, away.channels);
    if (narrows) at.x = wanted_rows(at.x, at.segments, at.rows = which);
    if (!away.mixer) at.x += mixed;
    if (away.feed_forward) continue;
    at.x += std::visit([&](auto const& block) { return apply(block, apply(layer.feed_forward_norm, at.x)); },
                       layer.feed_forward);
  }
}

/// Ends a pass whose layers have all run: moves the states' positions on and gives logits, as `forward` does.
[[nodiscard]] inline matrix end_pass(model const& model, std::span<step const> steps, activations at, pass const& how) {
  if (how.logits_of != at.rows) at.x = wanted_rows(at.x, at.segments, how.logits_of);
  for (auto const& step : steps) step.state->position += step.tokens.size();
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
  auto at = begin_pass(model, steps, how);
  run_layers(model, steps, at, model.layers.size(), how, policy, observer);
  return end_pass(model, steps, std::move(at), how);
}

}  // namespace headcount::v0::reference
