#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/parallel.hpp>
#include <headcount/task/language/needle.hpp>

namespace headcount::v0::evaluate {

/// A text that rankings are computed on: a prompt and what is said after it.
struct calibration_text {
  std::vector<token> prompt;        ///< one token or more
  std::vector<token> answer;        ///< one token or more
  token_positions source{};         ///< where the prompt holds what the answer says; empty when nobody knows
  token_positions query{};          ///< where the prompt asks for it, in one range; empty when nobody knows
  std::vector<token> null_query{};  ///< what asks for nothing, in the place of the query; may be empty
};

/// Scores of heads, `[layer][head]`, as rankings hold them.
using head_table = std::vector<std::vector<double>>;

/// A number for every attention head of a model; no head in layers without attention.
[[nodiscard]] inline head_table every_head(reference::model const& model, double value) {
  head_table table(model.layers.size());
  for (std::size_t layer = 0; layer < table.size(); ++layer)
    if (auto const* block = model.attention_at(layer); block != nullptr) table[layer].assign(block->heads, value);
  return table;
}

/// A needle's prompt as a calibration text: its source is the answer's words in the needle, its query the question, and
/// the full stop after the needle asks for nothing.
[[nodiscard]] inline calibration_text as_calibration(needle_prompt const& prompt) {
  auto const stop = prompt.needle.begin()->last;  // the needle ends with the answer and a full stop
  return {.prompt = prompt.prompt(),
          .answer = prompt.answer,
          .source = {{stop - prompt.answer.size(), stop - 1}},
          .query = {{prompt.context.size(), prompt.context.size() + prompt.question.size() - 1}},
          .null_query = {prompt.context[stop]}};
}

/// The tokens that a model reads while it says an answer: each is the one before the token that is said.
[[nodiscard]] inline std::vector<token> tokens_before(calibration_text const& text) {
  std::vector<token> read{text.prompt.back()};
  read.insert(read.end(), text.answer.begin(), text.answer.end() - 1);
  return read;
}

/// Who watches the attention of one text: what a kernel::attention_observer is told.
struct attention_watcher {
  std::function<void(site const&, std::size_t, std::span<float const>)> row;
  std::function<void(site const&, head_set const&)> kept;
  std::function<void(site const&, std::span<double const>)> scored = [](site const&, std::span<double const>) {};
};

/// Reads each text under a policy: its prompt but for the last token as prefill, then the rest, teacher-forced, as
/// generation, so that every query that is watched is one that chooses a token of the answer. `watch(i)` makes the
/// watcher of text i, an attention_watcher or another kernel::attention_observer; the text gets row i. Texts run on
/// several threads. Throws what `forward` throws.
template <class Watch>
void watch_answers(reference::model const& model, std::span<calibration_text const> texts, any_policy const& policy,
                   Watch const& watch) {
  reference::for_each_index(texts.size(), [&](std::size_t i) {
    auto state = model.empty_state();
    auto const read = [&](std::span<token const> tokens, phase when, auto const& watcher) {
      reference::step const step{.tokens = tokens, .state = &state, .sequence_id = i};
      (void)reference::forward(model, std::span{&step, 1}, {.phase = when}, policy, watcher);
    };
    std::span const prompt{texts[i].prompt};
    if (prompt.size() > 1) read(prompt.first(prompt.size() - 1), phase::prefill, kernel::no_observer{});
    read(tokens_before(texts[i]), phase::generation, watch(i));
  });
}

/// The mean of tables, one a text, each divided by `counts[text]`: every text weighs the same.
[[nodiscard]] inline head_table mean_of(reference::model const& model, std::span<head_table const> sums,
                                        std::span<double const> counts) {
  auto mean = every_head(model, 0);
  for (std::size_t i = 0; i < sums.size(); ++i)
    for (std::size_t layer = 0; layer < mean.size(); ++layer)
      for (std::size_t head = 0; head < mean[layer].size(); ++head)
        mean[layer][head] += sums[i][layer][head] / counts[i] / static_cast<double>(sums.size());
  return mean;
}

}  // namespace headcount::v0::evaluate
