#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/task/hide.hpp>
#include <headcount/task/language/small_language.hpp>

namespace headcount::v0::evaluate {

/// One question about one needle in a haystack. The context comes first and the question last, so that several
/// questions can continue one prefill of the same context.
struct needle_prompt {
  sentence_tokens context;  ///< `<bos>`, filler and needles
  sentence_tokens question;
  sentence_tokens answer;     ///< what a model that has found the needle says next
  token_positions needle;     ///< where the needle's tokens stand in the context
  double realised_depth = 0;  ///< of the needle's first token: 0 at the context's start, 1 at its end
  std::string sentence{};     ///< the needle in words: what prompts may share

  [[nodiscard]] sentence_tokens prompt() const { return small_language::join({context, question}); }
};

/// How contexts are made.
struct needle_plan {
  std::size_t length = 240;         ///< tokens of context and question together, `<bos>` included
  std::vector<double> depths{0.5};  ///< where needles stand, one each: 0 before all filler, 1 after it
};

/// A context with one needle for each depth, each about another city, and a question for each of them, in that order.
/// Filler fills the context to its length exactly; its first sentences are cut to fit. Positions are known from the
/// construction, never searched for. Throws headcount::error when the needles alone are longer than the plan, or a
/// depth is none, or there are not as many cities as depths.
[[nodiscard]] inline std::vector<needle_prompt> make_needle_prompts(small_language const& language,
                                                                    needle_plan const& plan, random_stream& random) {
  auto const most = language.cities().size();
  if (plan.depths.empty() || plan.depths.size() > most)
    throw error{"needle plan", text_of(plan.depths.size(), " depths"), text_of("1 to ", most, ", a city each")};
  for (std::size_t i = 0; i < plan.depths.size(); ++i)
    if (!(plan.depths[i] >= 0 && plan.depths[i] <= 1))
      throw error{"needle plan", text_of("depth ", i, " is out of range"), "0 to 1"};
  auto const cities = random.some_of(language.cities(), plan.depths.size());
  std::vector<sentence_tokens> activities;
  std::vector<sentence_tokens> needles;
  std::size_t used = 1 + language.question_of_city(cities.front()).size();
  for (auto const city : cities) {
    activities.push_back(language.activity(random));
    needles.push_back(language.needle(city, activities.back()));
    used += needles.back().size();
  }
  if (used > plan.length)
    throw error{"needle plan", text_of("length ", plan.length, " is too short"), text_of("at least ", used)};

  std::vector<sentence_tokens> filler;
  std::size_t filled = 0;
  while (filled < plan.length - used) {
    filler.push_back(language.filler(random));
    filled += filler.back().size();
  }
  for (auto& sentence : filler) {  // cut what is too much from the start
    auto const cut = (std::min)(sentence.size(), filled - (plan.length - used));
    sentence.erase(sentence.begin(), sentence.begin() + static_cast<std::ptrdiff_t>(cut));
    filled -= cut;
  }

  auto context = language.start();
  std::vector<std::size_t> begins(needles.size());
  std::vector<std::size_t> gaps;
  for (auto const depth : plan.depths)
    gaps.push_back(static_cast<std::size_t>(std::lround(depth * static_cast<double>(filler.size()))));
  auto const add = [&](sentence_tokens const& tokens) { context.insert(context.end(), tokens.begin(), tokens.end()); };
  hide(
      filler.size(), gaps,
      [&](std::size_t i) {
        begins[i] = context.size();
        add(needles[i]);
      },
      [&](std::size_t sentence) { add(filler[sentence]); });

  std::vector<needle_prompt> prompts;
  for (std::size_t i = 0; i < needles.size(); ++i)
    prompts.push_back({.context = context,
                       .question = language.question_of_city(cities[i]),
                       .answer = activities[i],
                       .needle = {{begins[i], begins[i] + needles[i].size() - 1}},
                       .realised_depth = static_cast<double>(begins[i]) / static_cast<double>(context.size()),
                       .sentence = language.text(needles[i])});
  return prompts;
}

}  // namespace headcount::v0::evaluate
