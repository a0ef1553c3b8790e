#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>

namespace headcount::v0::reference {

/// A sequence and what was read of it. A plain value: copies go on independently.
struct sequence {
  reference::state state{};
  std::size_t sequence_id = 0;  ///< site::sequence_id: names the sequence, whatever batch it is in
  token next = 0;               ///< the greedy choice after what was read, where somebody asked for it
};

/// Sequences that have read nothing; sequence i gets the number `first_sequence` + i.
[[nodiscard]] inline std::vector<sequence> start_sequences(model const& model, std::size_t count,
                                                           std::size_t first_sequence = 0) {
  std::vector<sequence> sequences(count);
  for (std::size_t i = 0; i < count; ++i)
    sequences[i] = {.state = model.empty_state(), .sequence_id = first_sequence + i};
  return sequences;
}

/// The token with the largest logit; of equal logits the lowest id.
[[nodiscard]] inline token best_token(std::span<float const> logits) noexcept {
  return static_cast<token>(std::ranges::max_element(logits) - logits.begin());
}

/// How generation goes on and when it stops.
struct generation {
  std::size_t max_new_tokens = 0;
  std::span<token const> stop{};  ///< a sequence ends after any of these
  std::span<any_edit const> edits{};
};

/// Greedy decoding of several sequences at once, from states that a prefill left; the first token of each is its
/// `next`, the others come one a generation pass. The stop token is part of the result. `sequences` is used up: copy it
/// first to continue the same prefill in another way. Throws what `forward` throws.
template <head_policy Policy>
[[nodiscard]] std::vector<std::vector<token>> generate(model const& model, std::vector<sequence> sequences,
                                                       generation const& how, Policy const& policy) {
  std::vector<std::vector<token>> texts(sequences.size());
  std::vector<std::size_t> running;
  auto const say = [&](std::size_t i, token next) {
    texts[i].push_back(next);
    bool const stops = std::ranges::find(how.stop, next) != how.stop.end();
    return !stops && texts[i].size() < how.max_new_tokens;
  };
  for (std::size_t i = 0; i < sequences.size() && how.max_new_tokens > 0; ++i)
    if (say(i, sequences[i].next)) running.push_back(i);
  while (!running.empty()) {
    std::vector<step> steps;
    for (auto const i : running)
      steps.push_back({.tokens = std::span{texts[i]}.last(1),
                       .state = &sequences[i].state,
                       .sequence_id = sequences[i].sequence_id});
    matrix const logits = forward(model, steps, {.phase = phase::generation}, policy);
    std::vector<std::size_t> next_running;
    for (std::size_t n = 0; n < running.size(); ++n)
      if (say(running[n], best_token(row_of(logits, n)))) next_running.push_back(running[n]);
    running = std::move(next_running);
  }
  return texts;
}

/// Starts sequences that have read `texts`, ready to be generated from. Throws what `forward` throws.
template <head_policy Policy>
[[nodiscard]] std::vector<sequence> prefill(model const& model, std::span<std::vector<token> const> texts,
                                            std::span<any_edit const> edits, Policy const& policy,
                                            std::size_t first_sequence = 0) {
  auto sequences = start_sequences(model, texts.size(), first_sequence);
  std::vector<evaluate::step<state const>> steps;
  for (std::size_t i = 0; i < texts.size(); ++i)
    steps.push_back({texts[i], &sequences[i].state, sequences[i].sequence_id, edits});
  fork_steps(model, steps, {}, std::span{&policy, 1},
             [&](std::size_t, std::size_t i, matrix const& logits, state&& after) {
               sequences[i].state = std::move(after);
               sequences[i].next = best_token(row_of(logits, 0));
             });
  return sequences;
}

}  // namespace headcount::v0::reference
