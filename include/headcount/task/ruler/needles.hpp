#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/task/ruler/sample.hpp>
#include <headcount/task/ruler/words.hpp>

namespace headcount::v0::evaluate::ruler {

/// What needles lie in: a sentence over and over, an essay, or other needles.
enum class straw { noise, essay, needles };
/// What a key or a value is: two words, a number of seven digits, or a UUID.
enum class value_kind { words, numbers, uuids };

/// The niah tasks: keys with values, some of which are asked for.
struct needle_task {
  straw hay = straw::noise;
  value_kind key = value_kind::words;
  value_kind value = value_kind::numbers;
  std::size_t keys = 1;
  std::size_t values = 1;   ///< of each key
  std::size_t queries = 1;  ///< keys that are asked for; there are at least as many keys
};

/// The hay of straw::noise, as RULER has it.
inline constexpr std::string_view noise =
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

namespace detail {

[[nodiscard]] inline std::string draw_value(value_kind kind, random_stream& random) {
  if (kind == value_kind::numbers) return draw_number(7, random);
  if (kind == value_kind::uuids) return draw_uuid(random);
  return compound(random.below(adjectives.size() * nouns.size()));
}

[[nodiscard]] inline std::string needle_sentence(needle_task const& task, std::string const& key,
                                                 std::string const& value) {
  return text_of("One of the special magic ", task.value == value_kind::uuids ? "uuids" : "numbers", " for ", key,
                 " is: ", value, ".");
}

[[nodiscard]] inline std::string join(std::span<std::string const> texts, std::string_view between) {
  std::string all;
  for (auto const& text : texts) add_to_list(all, text, between);
  return all;
}

/// `count` different numbers below `end`, sorted.
[[nodiscard]] inline std::vector<std::size_t> draw_places(std::size_t end, std::size_t count, random_stream& random) {
  std::vector<std::size_t> places(end);
  std::iota(places.begin(), places.end(), std::size_t{0});
  places = random.some_of(std::move(places), count);
  std::ranges::sort(places);
  return places;
}

/// Needles between the sentences of a text, at places drawn from 40 depths. The text begins at a sentence that is
/// drawn, too, so that prompts do not share it; RULER's own begin where the essays do.
[[nodiscard]] inline std::string hide_in_essay(std::span<std::string const> sentences, std::size_t size,
                                               std::span<std::string const> needles, random_stream& random) {
  constexpr std::size_t depths = 40;
  std::vector<std::string> pieces;
  auto const first = random.below(sentences.size());
  std::size_t passed = 0;
  auto const add_up_to = [&](std::size_t end) {
    while (passed < end) pieces.push_back(sentences[(first + passed++) % sentences.size()]);
  };
  auto const places = draw_places(depths, needles.size(), random);
  for (std::size_t i = 0; i < needles.size(); ++i) {
    auto const percent = std::nearbyint(100.0 * static_cast<double>(places[i]) / (depths - 1));
    add_up_to(static_cast<std::size_t>(static_cast<double>(size) * (percent / 100)));
    pieces.push_back(needles[i]);
  }
  add_up_to(size);
  return join(pieces, " ");
}

/// Needles before lines drawn among `lines`, a line each.
[[nodiscard]] inline std::string hide_in_lines(std::vector<std::string> lines, std::span<std::string const> needles,
                                               random_stream& random) {
  auto const places = draw_places(lines.size(), needles.size(), random);
  for (auto i = needles.size(); i-- > 0;)
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(places[i]), needles[i]);
  return join(lines, "\n");
}

}  // namespace detail

/// Makes a niah sample with `size` sentences or lines of hay, at least one a needle. `essay` is what straw::essay is
/// cut from, and repeated where it is too short.
[[nodiscard]] inline sample make_needles(needle_task const& task, std::span<std::string const> essay, std::size_t size,
                                         random_stream random) {
  auto const key_count = (std::max)(task.keys, task.queries);
  std::vector<std::string> keys;
  if (task.key == value_kind::words) keys = draw_compounds(key_count, random);
  else
    while (keys.size() < key_count) keys.push_back(detail::draw_value(task.key, random));
  std::vector<std::vector<std::string>> values(key_count);
  std::vector<std::string> needles;
  for (std::size_t k = 0; k < key_count; ++k)
    for (std::size_t v = 0; v < task.values; ++v) {
      values[k].push_back(detail::draw_value(task.value, random));
      needles.push_back(detail::needle_sentence(task, keys[k], values[k].back()));
    }
  needles = random.shuffled(std::move(needles));

  std::string context;
  if (task.hay == straw::essay) {
    if (essay.empty())
      throw error{"ruler", "this task hides needles in a text, and there is none", "a folder of .txt files"};
    context = detail::hide_in_essay(essay, size, needles, random);
  } else {
    std::vector<std::string> lines;
    while (lines.size() < size)
      lines.push_back(task.hay == straw::noise ? std::string{noise}
                                               : detail::needle_sentence(task, detail::draw_value(task.key, random),
                                                                         detail::draw_value(task.value, random)));
    context = detail::hide_in_lines(std::move(lines), needles, random);
  }

  sample result{.max_new_tokens = 128};
  std::vector<std::size_t> order(key_count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::string> asked;
  for (auto const k : random.some_of(std::move(order), task.queries)) {
    asked.push_back(keys[k]);
    result.answers.insert(result.answers.end(), values[k].begin(), values[k].end());
  }
  auto query = asked.front();
  if (asked.size() > 1)
    query = text_of(detail::join(std::span{asked}.first(asked.size() - 1), ", "), ", and ", asked.back());

  bool const one = task.queries * task.values == 1;
  std::string const what = text_of(task.value == value_kind::uuids ? "uuid" : "number", one ? "" : "s");
  result.prompt = text_of(one ? "A special magic " : "Some special magic ", what, one ? " is" : " are",
                          " hidden within the following text. Make sure to memorize it. I will quiz you about the ",
                          what, " afterwards.\n", context, "\nWhat ", one ? "is the" : "are all the", " special magic ",
                          what, " for ", query, " mentioned in the provided text? The special magic ", what, " for ",
                          query, " mentioned in the provided text ", one ? "is" : "are");
  return result;
}

}  // namespace headcount::v0::evaluate::ruler
