#pragma once

// Texts that a model reads side by side, piece by piece.

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>

namespace test {

/// What everything runs under: one type for all policies, so that the models' code is compiled once.
struct control {
  headcount::any_policy policy = headcount::dense;
  std::vector<headcount::any_edit> edits{};
};

/// Texts and what a model remembers of what it has read of them. Copies go on independently.
struct batch {
  batch(headcount::reference::model const& reader, std::vector<std::vector<headcount::token>> all,
        std::size_t first = 0)
      : model{&reader}, texts{std::move(all)}, states(texts.size(), reader.empty_state()), first_sequence{first} {}

  headcount::reference::model const* model;
  std::vector<std::vector<headcount::token>> texts;
  std::vector<headcount::reference::state> states;
  std::size_t first_sequence;  ///< site::sequence_id of the first text
  std::size_t read = 0;        ///< tokens of each text, or all of a shorter one

  /// Logits of the next tokens of every text that has some left, `count` at most, `[token, vocabulary]`, text by text.
  template <class Observer = headcount::kernel::no_observer>
  headcount::reference::matrix next(std::size_t count, headcount::phase when, control const& under = {},
                                    headcount::reference::wanted which = headcount::reference::wanted::all_tokens,
                                    Observer&& observer = {}) {
    std::vector<headcount::reference::step> steps;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (read >= texts[i].size()) continue;
      auto const some = std::span{texts[i]}.subspan(read, std::min(count, texts[i].size() - read));
      steps.push_back({.tokens = some, .state = &states[i], .sequence_id = first_sequence + i, .edits = under.edits});
    }
    read += count;
    return forward(*model, steps, {.phase = when, .every_token = which == headcount::reference::wanted::all_tokens},
                   under.policy, observer);
  }
};

}  // namespace test
