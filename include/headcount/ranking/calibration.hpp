#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

/// A text that rankings are computed on: a prompt and what is said after it.
struct calibration_text {
  std::vector<token> prompt;        ///< one token or more
  std::vector<token> answer;        ///< one token or more
  token_positions source{};         ///< where the prompt holds what the answer says; empty when nobody knows
  token_positions query{};          ///< where the prompt asks for it, in one range; empty when nobody knows
  std::vector<token> null_query{};  ///< what asks for nothing, in the place of the query; may be empty
  std::vector<factor> factors{};    ///< what it shares with other texts
};

/// The identity of some texts: a digest of their tokens and of what is known of them. O(tokens).
[[nodiscard]] inline std::string identity_of(std::span<calibration_text const> texts) {
  digest all;
  for (auto const& text : texts) {
    for (auto const* tokens : {&text.prompt, &text.answer, &text.null_query})
      all.add({reinterpret_cast<char const*>(tokens->data()), tokens->size() * sizeof(token)});
    all.add(print(text.source)).add(print(text.query));
  }
  return all.text();
}

/// Scores of heads, `[layer][head]`, as rankings hold them.
using head_table = std::vector<std::vector<double>>;

/// A number for every attention head of a model; no head in layers without attention. `layers` says what heads there
/// are, a site a layer.
[[nodiscard]] inline head_table every_head(std::span<site const> layers, double value) {
  head_table table;
  for (auto const& layer : layers) table.emplace_back(layer.heads, value);
  return table;
}

/// Every attention head of a model as (layer, head), in order.
[[nodiscard]] inline std::vector<std::pair<std::size_t, std::size_t>> heads_of(std::span<site const> layers) {
  std::vector<std::pair<std::size_t, std::size_t>> heads;
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (std::size_t head = 0; head < layers[layer].heads; ++head) heads.emplace_back(layer, head);
  return heads;
}

/// A needle's prompt as a calibration text: its source is the answer's words in the needle, its query the question, and
/// the full stop after the needle asks for nothing.
[[nodiscard]] inline calibration_text as_calibration(needle_prompt const& prompt) {
  auto const stop = prompt.needle.begin()->last;  // the needle ends with the answer and a full stop
  return {.prompt = prompt.prompt(),
          .answer = prompt.answer,
          .source = {{stop - prompt.answer.size(), stop - 1}},
          .query = {{prompt.context.size(), prompt.context.size() + prompt.question.size() - 1}},
          .null_query = {prompt.context[stop]},
          .factors = {{"needle", prompt.sentence}}};
}

/// The tokens that a model reads while it says an answer: each is the one before the token that is said.
[[nodiscard]] inline std::vector<token> tokens_before(calibration_text const& text) {
  std::vector<token> read{text.prompt.back()};
  read.insert(read.end(), text.answer.begin(), text.answer.end() - 1);
  return read;
}

/// Reads each text under a policy: its prompt but for the last token as prefill, then the rest, teacher-forced, as
/// generation, so that every query that is watched is one that chooses a token of the answer. `watch(i)` makes the
/// observer of text i, whose sequence gets the number i. Texts run on several threads where the engine allows it.
/// Throws headcount::error when the engine is not observed, and what it throws.
template <class Watch>
void watch_answers(any_model const& model, std::span<calibration_text const> texts, any_policy const& policy,
                   Watch const& watch) {
  for_each_index(model, texts.size(), [&](std::size_t i) {
    auto state = model.start();
    auto const ignore = [](auto&&...) {};
    std::span const prompt{texts[i].prompt};
    step<any_model::state> const before{.tokens = prompt.first(prompt.size() - 1), .state = &state, .sequence_id = i};
    if (prompt.size() > 1) model.run(std::span{&before, 1}, {.phase = phase::prefill}, policy, ignore);
    auto const said = tokens_before(texts[i]);
    step<any_model::state> const answer{.tokens = said, .state = &state, .sequence_id = i};
    model.run(std::span{&answer, 1}, {.phase = phase::generation}, policy, ignore, watch(i));
  });
}

/// The mean of tables, one a text, each divided by `counts[text]`: every text weighs the same.
[[nodiscard]] inline head_table mean_of(std::span<head_table const> sums, std::span<double const> counts) {
  head_table mean;
  for (auto const& layer : sums.front()) mean.emplace_back(layer.size());
  for (std::size_t i = 0; i < sums.size(); ++i)
    for (std::size_t layer = 0; layer < mean.size(); ++layer)
      for (std::size_t head = 0; head < mean[layer].size(); ++head)
        mean[layer][head] += sums[i][layer][head] / counts[i] / static_cast<double>(sums.size());
  return mean;
}

}  // namespace headcount::v0::evaluate
