#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/task/ruler/needles.hpp>
#include <headcount/task/ruler/sample.hpp>
#include <headcount/task/ruler/words.hpp>

namespace headcount::v0::evaluate::ruler {

/// Variable tracking: a chain of assignments in noise, and all that have the value are asked for.
struct tracking_task {
  std::size_t hops = 4;          ///< variables after the first
  std::size_t name_letters = 5;  ///< 3 in the worked example, which comes first
};

namespace detail {

struct asked_text {
  std::string question{};
  std::vector<std::string> answers{};
};

[[nodiscard]] inline asked_text track_variables(tracking_task const& task, std::size_t lines, random_stream& random) {
  asked_text asked;
  std::set<std::string> names;
  while (asked.answers.size() < task.hops + 1)
    if (auto name = draw_letters('A', task.name_letters, random); names.insert(name).second)
      asked.answers.push_back(std::move(name));
  auto const value = draw_number(5, random);
  std::vector<std::string> chain{text_of("VAR ", asked.answers.front(), " = ", value)};
  for (std::size_t i = 1; i < asked.answers.size(); ++i)
    chain.push_back(text_of("VAR ", asked.answers[i], " = VAR ", asked.answers[i - 1]));
  auto const context = hide_in_lines(std::vector<std::string>(lines, std::string{noise}), chain, random);
  asked.question =
      text_of("Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n", context,
              "\nQuestion: Find all variables that are assigned the value ", value,
              " in the text above. Answer: According to the chain(s) of variable assignment in the text above, ",
              task.hops + 1, " variables are assigned the value ", value, ", they are: ");
  return asked;
}

/// Words that appear often, `often` times each, among others that appear `seldom` times, all numbered.
[[nodiscard]] inline asked_text count_words(std::size_t count, std::size_t often, std::size_t seldom,
                                            random_stream& random) {
  constexpr std::size_t common = 10;
  auto const words = draw_words(count, random);
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < words.size(); ++i) list.insert(list.end(), i < common ? often : seldom, i);
  list = random.shuffled(std::move(list));
  std::string context;
  for (std::size_t i = 0; i < list.size(); ++i) add_to_list(context, text_of(i + 1, ". ", words[list[i]]), " ");
  return {
      text_of(
          "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones "
          "that appear most often.\n",
          context,
          "\nQuestion: What are the 10 most common words in the above list? Answer: The top 10 words that appear "
          "most often in the list are:"),
      {words.begin(), words.begin() + common}};
}

}  // namespace detail

/// Makes a vt sample with `lines` lines of noise, at least one a variable, after a worked example.
[[nodiscard]] inline sample make_tracking(tracking_task const& task, std::size_t lines, random_stream random) {
  auto const example = detail::track_variables({.hops = task.hops, .name_letters = 3}, task.hops + 1, random);
  auto const asked = detail::track_variables(task, lines, random);
  return {.prompt = text_of(example.question, detail::join(example.answers, " "), "\n\n", asked.question),
          .answers = asked.answers,
          .max_new_tokens = 30};
}

/// Makes a cwe sample of `words` different words, at least 10, after a worked example. A common word appears 30 times
/// and another 3 times; in texts under 4096 tokens 6 times and once.
[[nodiscard]] inline sample make_common_words(std::size_t words, bool is_short, random_stream random) {
  auto const example = detail::count_words(20, 3, 1, random);
  auto const asked = detail::count_words(words, is_short ? 6 : 30, is_short ? 1 : 3, random);
  std::string answer;
  for (std::size_t i = 0; i < example.answers.size(); ++i) answer += text_of(" ", i + 1, ". ", example.answers[i]);
  return {.prompt = text_of(example.question, answer, "\n", asked.question),
          .answers = asked.answers,
          .max_new_tokens = 120};
}

/// Makes an fwe sample of about `words` coded words: word i of rank i appears words * i^-2 / zeta(2) times. The first
/// is dots, which do not count; the next three are asked for.
[[nodiscard]] inline sample make_frequent_words(std::size_t words, random_stream random) {
  constexpr std::size_t letters = 6;
  auto const zeta = std::numbers::pi * std::numbers::pi / 6;
  std::vector<std::string> vocabulary{"..."};
  std::set<std::string> known;
  std::vector<std::size_t> list;
  for (std::size_t rank = 1;; ++rank) {
    auto const count = static_cast<std::size_t>(static_cast<double>(words) / (static_cast<double>(rank * rank) * zeta));
    if (count == 0 && rank > 4) break;
    list.insert(list.end(), count, rank - 1);
    while (vocabulary.size() < rank)
      if (auto word = draw_letters('a', letters, random); known.insert(word).second)
        vocabulary.push_back(std::move(word));
  }
  list = random.shuffled(std::move(list));
  std::string context;
  for (auto const word : list) add_to_list(context, vocabulary[word], " ");
  return {
      .prompt = text_of("Read the following coded text and track the frequency of each coded word. Find the three most "
                        "frequently appeared coded words. ",
                        context,
                        "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the three "
                        "most frequently appeared words in the above coded text? Answer: According to the coded text "
                        "above, the three most frequently appeared words are:"),
      .answers = {vocabulary.begin() + 1, vocabulary.begin() + 4},
      .max_new_tokens = 50};
}

}  // namespace headcount::v0::evaluate::ruler
