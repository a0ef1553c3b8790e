#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

inline constexpr std::array recall_metrics{
    metric{.name = "exact_match", .unit = "share", .better = direction::higher, .values = right_or_wrong},
    metric{.name = "exact_match_after_first", .unit = "share", .better = direction::higher, .values = right_or_wrong}};

/// A needle of the small language to be recalled, and how.
struct recall_prompt {
  std::string name{};
  needle_prompt needle{};
  std::vector<any_edit> edits{};  ///< of what attention sees
  std::vector<factor> factors{};  ///< beside the needle
};

/// Asks for needles of the small language, token for token: exact_match, and exact_match_after_first, which leaves the
/// answer's first token out. The right answer is read as generation, and each of its tokens must be the greedy choice
/// after those before it: what greedy generation would say, since it goes astray exactly where a choice differs.
/// Prompts beside each other share the reading of a context that they have in common. Prompt i is sequence i.
[[nodiscard]] inline task make_recall_task(task made, std::span<recall_prompt const> prompts) {
  made.metrics = {recall_metrics.begin(), recall_metrics.end()};
  std::vector<std::vector<token>> answers;
  for (auto const& [name, needle, edits, factors] : prompts) {
    auto tokens = needle.prompt();
    auto const count = tokens.size();
    auto all = factors;
    all.push_back({"needle", needle.sentence});
    loglikelihood_request one{.prompt = {.tokens = std::move(tokens), .shared = needle.context.size(), .edits = edits},
                              .continuations = {needle.answer},
                              .read_as = phase::generation};
    answers.push_back(needle.answer);
    made.prompts.push_back(
        {.name = name, .request = std::vector{std::move(one)}, .factors = std::move(all), .tokens = count});
  }
  made.judge = [answers = std::move(answers)](std::size_t i, answer const& found) -> std::vector<judgement> {
    auto const& choices = found.likelihoods.front().choices;
    auto const right_from = [&](std::ptrdiff_t token) {
      return std::equal(choices.begin() + token, choices.end(), answers[i].begin() + token) ? 1.0 : 0.0;
    };
    return {{.metric = "exact_match", .value = right_from(0)},
            {.metric = "exact_match_after_first", .value = right_from(1)}};
  };
  number_sequences(made);
  return made;
}

/// The same for needles that are asked for as they are, each in a context of its own, by their numbers.
[[nodiscard]] inline task make_recall_task(task made, std::span<needle_prompt const> needles) {
  std::vector<recall_prompt> prompts;
  for (auto const& one : needles) prompts.push_back({.name = text_of(prompts.size()), .needle = one});
  return make_recall_task(std::move(made), prompts);
}

/// Needles that fit the small hybrids (see mixed_needle), no two alike. Option `prompts`: how many. A prompt is named
/// by its number.
[[nodiscard]] inline std::vector<task> make_recall(model_under_test const& asked, std::string_view name,
                                                   task_options& options) {
  small_language const language{asked.language_for(name)};
  options.add_content(asked.language);
  task made{.name = std::string{name}, .seed = options.take_seed()};
  auto const most = options.take<std::size_t>("prompts", 120, option_role::selects);
  auto const needles = draw_needles(language, 0, 0, (std::min)(most, options.take_limit()), made.seed).held_out;
  return {make_recall_task(std::move(made), needles)};
}

}  // namespace headcount::v0::evaluate
