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
    matrix const logits = forward(model, steps, {.phase = phase::generation, .edits = how.edits}, policy);
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
  pass const how{.phase = phase::prefill, .edits = edits};
  fork_texts(model, sequences, texts, how, std::span{&policy, 1},
             [&](std::size_t, std::size_t i, matrix const& logits, sequence&& after) {
               sequences[i] = std::move(after);
               sequences[i].next = best_token(row_of(logits, 0));
             });
  return sequences;
}

}  // namespace headcount::v0::reference
