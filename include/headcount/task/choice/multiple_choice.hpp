#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>
#include <headcount/text/chat_turns.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

/// A question with choices, as a benchmark has it.
struct choice_item {
  std::string name{};                  ///< of the prompt
  std::string what{};                  ///< where it was read, for errors
  std::string text{};                  ///< what the choices follow: "...\nAnswer:"
  std::vector<std::string> choices{};  ///< "A", "B", ...; in a plain text a space goes before each
  std::size_t gold = 0;                ///< index of the right one
  std::vector<factor> factors{};       ///< what it shares with other items
};

/// How questions and worked examples are put: one text, or turns of a chat.
/// Source: lm-evaluation-harness, `ContextSampler.get_context`, target_delimiter " ", fewshot_delimiter "\n\n"; with
/// `--apply_chat_template --fewshot_as_multiturn`, `get_chat_context`, where nothing goes before a choice.
struct question_form {
  std::string question_end{};         ///< after a question
  std::string answer_begin = " ";     ///< before the answer of an example
  std::string answer_end = "\n\n";    ///< and after it, up to the next question
  std::string cue{};                  ///< after the last question
  std::string delimiter = " ";        ///< before a choice
  std::optional<chat_turns> turns{};  ///< of a chat

  /// What stands before the first question.
  [[nodiscard]] std::string begin(std::string_view description = {}) const {
    return turns ? begin_chat(*turns, description) : std::string{description};
  }
};

[[nodiscard]] inline question_form chat_question_form(chat_turns const& turns) {
  return {.question_end = turns.user_end,
          .answer_begin = turns.answer_begin,
          .answer_end = turns.answer_end + turns.user_begin,
          .cue = turns.cue,
          .delimiter = "",
          .turns = turns};
}

/// Takes option `form`: `base`, or `instruct`, turns of the model's chat.
[[nodiscard]] inline question_form take_question_form(model_under_test const& asked, std::string_view task,
                                                      task_options& options) {
  if (options.take_one_of("form", {"base", "instruct"}) == "base") return {};
  return chat_question_form(asked.turns_for(task));
}

/// An item as a worked example: the text and the right choice.
[[nodiscard]] inline std::string as_shot(choice_item const& item, question_form const& form) {
  return text_of(item.text, form.question_end, form.answer_begin, item.choices[item.gold], form.answer_end);
}

/// How many characters (code points) a UTF-8 text has.
[[nodiscard]] inline std::size_t characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char sign) { return (static_cast<unsigned char>(sign) & 0xc0u) != 0x80u; }));
}

/// What the likelihoods of an item's choices come to. Of equals the first wins.
/// Source: lm-evaluation-harness, `ConfigurableTask.process_results` for multiple_choice.
struct choice_verdict {
  std::size_t best = 0;           ///< by the sum of log-probabilities
  std::size_t best_by_chars = 0;  ///< by the sum over the choice's characters, its space not among them
  std::size_t best_by_bytes = 0;  ///< by the sum over its UTF-8 bytes
};

[[nodiscard]] inline choice_verdict judge_choices(std::span<likelihood const> found,
                                                  std::span<std::string const> choices) {
  auto const best_by = [&](auto const& size_of) {
    std::size_t best = 0;
    auto const score = [&](std::size_t c) { return found[c].nats / static_cast<double>(size_of(choices[c])); };
    for (std::size_t c = 1; c < choices.size(); ++c)
      if (score(c) > score(best)) best = c;
    return best;
  };
  return {.best = best_by([](auto const&) { return 1; }),
          .best_by_chars = best_by([](std::string const& text) { return characters(text); }),
          .best_by_bytes = best_by([](std::string const& text) { return text.size(); })};
}

/// An item's context and choices as tokens, cut from the left to what the model reads. Choices whose context has the
/// same tokens make one request. Throws headcount::error for a choice that has no token or alone is too long.
[[nodiscard]] inline std::vector<loglikelihood_request> requests_of_item(model_under_test const& asked,
                                                                         std::string_view task,
                                                                         std::string const& context,
                                                                         choice_item const& item, phase read_as,
                                                                         std::string_view delimiter = " ") {
  auto const& tokenizer = asked.tokenizer_for(task);
  std::vector<loglikelihood_request> requests;
  for (auto const& choice : item.choices) {
    auto pair = pair_texts(tokenizer, context, text_of(delimiter, choice));
    if (pair.prompt.empty()) throw error{item.what, "its prompt has no token", "a prompt that is not empty"};
    if (pair.continuation.empty())
      throw error{item.what, text_of("the choice \"", choice, "\" has no token"), "one token or more"};
    if (pair.continuation.size() > asked.longest)
      throw error{item.what, text_of("a choice has ", pair.continuation.size(), " tokens"),
                  text_of("at most ", asked.longest)};
    truncate_left(pair, asked.longest);
    if (requests.empty() || requests.back().prompt.tokens != pair.prompt)
      requests.push_back({.prompt = {.tokens = std::move(pair.prompt)}, .read_as = read_as});
    requests.back().continuations.push_back(std::move(pair.continuation));
  }
  return requests;
}

/// Marks the beginning that prompts have in common, where it is worth reading once: their longest common prefix, of at
/// least `least` tokens. What is left of each prompt has one token or more.
inline void share_beginning(std::span<std::vector<loglikelihood_request>> prompts, std::size_t least = 8) {
  if (prompts.size() < 2) return;
  std::span<token const> common{prompts.front().front().prompt.tokens};
  for (auto const& requests : prompts) {
    for (auto const& one : requests) {
      auto const& tokens = one.prompt.tokens;
      auto const end = std::ranges::mismatch(common, tokens).in1;
      common = common.first((std::min)(static_cast<std::size_t>(end - common.begin()), tokens.size() - 1));
    }
  }
  if (common.size() < least) return;
  for (auto& requests : prompts)
    for (auto& one : requests) one.prompt.shared = common.size();
}

/// The share of questions whose right choice is the likeliest: by the sum of its log-probabilities, and by that sum
/// over its characters or bytes.
inline constexpr metric accuracy{.name = "acc", .unit = "share", .better = direction::higher, .values = right_or_wrong};
inline constexpr std::array multiple_choice_metrics{
    accuracy, metric{.name = "acc_norm", .unit = "share", .better = direction::higher, .values = right_or_wrong},
    metric{.name = "acc_bytes", .unit = "share", .better = direction::higher, .values = right_or_wrong}};

/// The metrics of a multiple-choice task.
enum class choice_metrics { acc, all };

/// Makes a multiple-choice task out of items, each after its worked examples: `shots[i]` goes before item i, the form's
/// beginning included. Items with the same shots that follow each other share the reading of them; `has_shots`, whether
/// there are examples among them, which prompts then share: factor "shots".
[[nodiscard]] inline task make_multiple_choice(model_under_test const& asked, task made, std::vector<choice_item> items,
                                               std::span<std::string const> shots, question_form const& form,
                                               choice_metrics metrics, phase continuations_are, bool has_shots) {
  made.metrics = {accuracy};
  if (metrics == choice_metrics::all) made.metrics = {multiple_choice_metrics.begin(), multiple_choice_metrics.end()};
  std::vector<std::vector<loglikelihood_request>> requests;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const context = text_of(shots[i], items[i].text, form.question_end, form.cue);
    requests.push_back(requests_of_item(asked, made.name, context, items[i], continuations_are, form.delimiter));
  }
  for (std::size_t begin = 0, end = 0; begin < items.size(); begin = end) {
    while (end < items.size() && shots[end] == shots[begin]) ++end;
    share_beginning(std::span{requests}.subspan(begin, end - begin));
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::size_t tokens = 0;
    for (auto const& one : requests[i]) tokens += length_of(one);
    made.prompts.push_back(
        {.name = items[i].name, .request = std::move(requests[i]), .factors = items[i].factors, .tokens = tokens});
    if (has_shots) made.prompts.back().factors.push_back({"shots", hexadecimal(hash_of(shots[i]))});
  }
  made.judge = [items = std::move(items), metrics](std::size_t i, answer const& answered) {
    auto const& found = answered.likelihoods;
    auto const verdict = judge_choices(found, items[i].choices);
    nlohmann::ordered_json more{{"predicted", nullptr}, {"gold", items[i].gold}};
    for (auto const& one : found) more["loglik"].push_back(one.nats);
    std::vector<judgement> judged;
    auto const add = [&](char const* metric, std::size_t best) {
      if (all_finite(found)) more["predicted"] = best;
      judged.push_back({.metric = metric, .value = rightness(found, best, items[i].gold), .more = more});
    };
    add("acc", verdict.best);
    if (metrics == choice_metrics::all) {
      add("acc_norm", verdict.best_by_chars);
      add("acc_bytes", verdict.best_by_bytes);
    }
    return judged;
  };
  return made;
}

}  // namespace headcount::v0::evaluate
