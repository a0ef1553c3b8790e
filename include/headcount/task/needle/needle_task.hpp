#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/needle/haystack_folder.hpp>
#include <headcount/task/needle/phrase_score.hpp>
#include <headcount/task/needle/prompt_form.hpp>
#include <headcount/task/needle/published_needle.hpp>
#include <headcount/task/needle/text_needle.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

/// The needles that a task asks for, and how.
struct needle_asking {
  std::vector<text_needle> prompts{};
  std::size_t duplicates = 0;
  std::size_t max_new_tokens = 40;
  std::vector<token> stop{};
  bool question_is_seen = true;  ///< whether the question belongs to prefill, or is read as generation
};

/// Takes the options of a needle task and makes its prompts (see docs/tasks.md).
[[nodiscard]] inline needle_asking take_needles(model_under_test const& asked, std::string_view name,
                                                task_options& options) {
  auto const& tokenizer = asked.tokenizer_for(name);
  auto const seed = options.take_seed();
  bool const is_published = options.take_one_of("protocol", {"corrected", "published"}) == "published";
  auto [hay, kind] = take_haystack(asked, name, options);
  bool const is_small = !asked.language.empty();
  auto const form = options.take_one_of("form", {"base", "instruct"});
  if (is_published) kind.form = {};
  if (form == "instruct") kind.form = instruct_form(asked.turns_for(name));
  auto const read = options.take_one_of("read", {"once", "twice", "question_first"});
  if (read == "twice") kind.form.read = context_reading::twice;
  if (read == "question_first") kind.form.read = context_reading::question_first;

  needle_asking asking;
  asking.question_is_seen = options.take_one_of("question", {"seen", "unseen"}) == "seen";
  asking.max_new_tokens = options.take("max_new_tokens", asking.max_new_tokens);
  asking.stop = asked.end;
  for (auto const& text : kind.stop)
    if (auto const tokens = tokenizer.encode(text); tokens.size() == 1) asking.stop.push_back(tokens.front());

  needle_grid grid;
  if (is_small && !is_published) {
    grid.lengths = {96, 128, 192, 240};
    grid.depths = {0, 25, 50, 75, 100};
  }
  grid.lengths = options.take("lengths", grid.lengths, option_role::selects);
  grid.depths = options.take("depths", grid.depths, option_role::selects);
  grid.distractors = options.take("distractors", grid.distractors);
  auto const cells = grid.lengths.size() * grid.depths.size();
  if (cells == 0) throw error{text_of("task ", name), "it has no length or no depth", "one or more of each"};
  auto const most = options.take("prompts", cells, option_role::selects);
  auto const count = (std::min)(most, options.take_limit());
  if (is_published) {
    published_protocol how{.lengths = grid.lengths, .depths = {}, .form = kind.form};
    for (auto const depth : grid.depths) how.depths.push_back(static_cast<int>(depth));
    asking.prompts = make_published_needles(tokenizer, hay, how);
  } else {
    grid.needles = (count + cells - 1) / cells;
    auto made = make_text_needles(tokenizer, hay, kind, grid, seed);
    asking.prompts = std::move(made.prompts);
    asking.duplicates = made.duplicates;
  }
  if (asking.prompts.size() > count) asking.prompts.resize(count);
  return asking;
}

/// The published score, 0 to 5 unless the kind of needles has another highest, and whether it is the highest.
inline constexpr std::array needle_metrics{
    metric{.name = "score", .unit = "points", .better = direction::higher, .values = at_least(0)},
    metric{.name = "success", .unit = "share", .better = direction::higher, .values = right_or_wrong}};

/// A task of needles: rows of the 0 to 5 score and of success, the highest score. `edits_of(needle)` gives the edits
/// that a prompt is asked under.
template <std::invocable<text_needle const&> EditsOf>
[[nodiscard]] task make_task_of_needles(model_under_test const& asked, std::string_view name, std::string setting,
                                        std::uint64_t seed, needle_asking const& asking, EditsOf const& edits_of) {
  auto const& tokenizer = asked.tokenizer_for(name);
  task made{.name = std::string{name},
            .setting = std::move(setting),
            .seed = seed,
            .metrics = {needle_metrics.begin(), needle_metrics.end()}};
  made.duplicates = asking.duplicates;
  for (auto const& one : asking.prompts) {
    // The answer as it would go on, for the draft: after a word, so that it begins as it does within a text.
    auto const lead = tokenizer.encode("so");
    auto draft = tokenizer.encode("so " + one.answer);
    draft.erase(draft.begin(), draft.begin() + static_cast<std::ptrdiff_t>((std::min)(lead.size(), draft.size())));
    generation_request request{.prompt = {.tokens = one.tokens, .edits = edits_of(one)},
                               .max_new_tokens = asking.max_new_tokens,
                               .stop = asking.stop,
                               .draft = std::move(draft)};
    if (!asking.question_is_seen) {
      auto const begin = request.prompt.tokens.begin() + static_cast<std::ptrdiff_t>(one.before_question);
      request.lead.assign(begin, request.prompt.tokens.end());
      request.prompt.tokens.erase(begin, request.prompt.tokens.end());
    }
    made.prompts.push_back(
        {.name = one.id, .request = std::move(request), .factors = one.factors, .tokens = one.tokens.size()});
  }
  made.judge = [tokenizer, prompts = asking.prompts](std::size_t i, answer const& found) -> std::vector<judgement> {
    auto const& one = prompts[i];
    auto const text = tokenizer.decode(found.tokens);
    auto const score = score_phrases(one.phrases, text);
    nlohmann::ordered_json const more{
        {"length", one.length},        {"depth", one.depth},          {"realised_depth", one.realised_depth},
        {"tokens", one.tokens.size()}, {"needle", print(one.needle)}, {"completion", text}};
    return {{.metric = "score", .value = score, .more = more},
            {.metric = "success", .value = score == one.phrases.most ? 1.0 : 0.0, .more = more}};
  };
  return made;
}

/// A needle in a haystack, by the corrected protocol or the published one. A prompt is named LENGTH/DEPTH/NEEDLE.
[[nodiscard]] inline std::vector<task> make_needle_task(model_under_test const& asked, std::string_view name,
                                                        task_options& options) {
  auto const asking = take_needles(asked, name, options);
  return {make_task_of_needles(asked, name, options.setting(), options.take_seed(), asking,
                               [](text_needle const&) { return std::vector<any_edit>{}; })};
}

}  // namespace headcount::v0::evaluate
