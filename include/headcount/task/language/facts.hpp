#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/task/language/small_language.hpp>

namespace headcount::v0::evaluate {

/// A question about what a model learnt in training, with choices of one token each.
struct fact_prompt {
  sentence_tokens prompt;      ///< `<bos>`, filler that does not name the person, the question
  std::vector<token> choices;  ///< professions, the right one among them
  std::size_t gold = 0;        ///< index of the right choice
};

/// One question about a person, after `context` tokens of filler; four choices in random order.
[[nodiscard]] inline fact_prompt make_fact_prompt(small_language const& language, token person, std::size_t context,
                                                  random_stream& random) {
  auto prompt = language.start();
  while (prompt.size() < context + 1) {
    auto const sentence = language.filler(random);
    if (std::ranges::find(sentence, person) == sentence.end())
      prompt.insert(prompt.end(), sentence.begin(), sentence.end());
  }
  prompt.resize(context + 1);

  auto const right = language.profession_of(person);
  auto others = language.professions();
  std::erase(others, right);
  auto choices = random.some_of(others, 3);
  auto const gold = random.below(choices.size() + 1);
  choices.insert(choices.begin() + static_cast<std::ptrdiff_t>(gold), right);
  return {
      .prompt = small_language::join({prompt, language.question_of_person(person)}), .choices = choices, .gold = gold};
}

}  // namespace headcount::v0::evaluate
