#pragma once

// An engine of one's own: one layer of attention that recalls by looking for the current token earlier in the text.
// This is everything that evaluators, rankings and recorders ask of it.

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/engine/language_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/headcount.hpp>
#include <headcount/kernel/attention.hpp>

// [toy]
class toy_model {
 public:
  using state = std::vector<headcount::token>;  // what was read so far; any value that can be copied
  using step = headcount::evaluate::step<state>;

  std::size_t vocabulary() const { return words; }
  state start() const { return {}; }

  // Level 1: tokens in, logits out.
  void run(std::span<step const> steps, headcount::evaluate::pass const& how, headcount::any_policy const& policy,
           headcount::evaluate::logits_user const& use) const {
    run(steps, how, policy, use, {});
  }

  // Level 2: what heads there are, and an observer who is shown what they do.
  std::vector<headcount::site> layers() const { return {{.heads = heads, .width = words, .head_dim = words}}; }
  void run(std::span<step const> steps, headcount::evaluate::pass const& how, headcount::any_policy const& policy,
           headcount::evaluate::logits_user const& use, headcount::evaluate::observer const& watch) const {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      for (std::size_t t = 0; t < steps[i].tokens.size(); ++t) {
        steps[i].state->push_back(steps[i].tokens[t]);
        auto const logits = attend(*steps[i].state, steps[i], how.phase, policy, watch);
        if (how.every_token || t + 1 == steps[i].tokens.size()) use(i, t, logits);
      }
    }
  }

 private:
  static constexpr std::size_t words = 256, heads = 3;

  // Head 0 looks at what followed the current token before, head 1 at all tokens, head 2 at the first. A token's value
  // is 1 at its own place and 0 at all others, and so is the layer's input.
  std::vector<float> attend(state const& text, step const& from, headcount::phase when,
                            headcount::any_policy const& policy, headcount::evaluate::observer const& watch) const {
    using namespace headcount;
    auto const keys = text.size();
    std::vector<float> memory(heads * keys, 0.0f);
    strided_view<float, 2> const weights{memory.data(), {heads, keys}};
    for (std::size_t key = 0; key < keys; ++key) weights(1, key) = 1.0f / static_cast<float>(keys);
    weights(2, 0) = 1;
    std::size_t found = 0;
    for (std::size_t key = 1; key + 1 < keys; ++key)
      if (text[key - 1] == text.back()) found = key;
    weights(0, found) = 1;

    site const where{.layer = 0,
                     .phase = when,
                     .sequence_id = from.sequence_id,
                     .position = keys - 1,
                     .heads = heads,
                     .width = words,
                     .head_dim = words};
    std::vector<float> input(words, 0.0f);
    input[static_cast<std::size_t>(text.back())] = 1;
    watch.input(where, input);
    for (std::size_t head = 0; head < heads; ++head) watch.row(where, head, weights[head].as_span());

    auto const row = [&](std::size_t head) -> row_view { return weights[head]; };
    head_scores scores;
    auto const kept = decide(policy, where, attention_tensors{.input = {input}, .rows = row}, scores);
    watch.scored(where, std::span<double const>{scores}.first(heads));
    watch.kept(where, kept);

    for (auto const& edit : from.edits)
      if (edit.edits_weights(where)) edit(weights, head_set::first(heads), {.first = 0, .phase = when});
    std::vector<float> logits(words, 0.0f);
    for (auto const head : kept) {
      watch.edited_row(where, head, weights[head].as_span());
      std::vector<float> output(words, 0.0f);
      for (std::size_t key = 0; key < keys; ++key) output[static_cast<std::size_t>(text[key])] += weights(head, key);
      watch.output(where, head, output);
      for (std::size_t word = 0; word < words; ++word) logits[word] += (head == 0 ? 2.0f : 1.0f) * output[word];
    }
    return logits;
  }
};
// [toy]
