#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/task/ruler/aggregates.hpp>
#include <headcount/task/ruler/needles.hpp>
#include <headcount/task/ruler/sample.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate::ruler {

/// The tasks that hide needles. Source: Hsieh et al. 2024, arXiv 2404.06654, appendix B.
inline constexpr std::array<std::pair<std::string_view, needle_task>, 8> needle_tasks{{
    {"niah_single_1", {.hay = straw::noise}},
    {"niah_single_2", {.hay = straw::essay}},
    {"niah_single_3", {.hay = straw::essay, .value = value_kind::uuids}},
    {"niah_multikey_1", {.hay = straw::essay, .keys = 4}},
    {"niah_multikey_2", {.hay = straw::needles}},
    {"niah_multikey_3", {.hay = straw::needles, .key = value_kind::uuids, .value = value_kind::uuids}},
    {"niah_multivalue", {.hay = straw::essay, .values = 4}},
    {"niah_multiquery", {.hay = straw::essay, .queries = 4}},
}};

/// The names of all tasks.
inline constexpr std::array<std::string_view, 11> names{"niah_single_1",
                                                        "niah_single_2",
                                                        "niah_single_3",
                                                        "niah_multikey_1",
                                                        "niah_multikey_2",
                                                        "niah_multikey_3",
                                                        "niah_multivalue",
                                                        "niah_multiquery",
                                                        "vt",
                                                        "cwe",
                                                        "fwe"};

/// Makes a sample of a task that fills `length` tokens as well as it can, those to be generated included. `essay` is
/// what some tasks hide needles in. Throws headcount::error for a name that is none, and a length that is too short.
template <text_tokenizer Tokenizer>
[[nodiscard]] sample make(std::string_view name, Tokenizer const& tokenizer, std::span<std::string const> essay,
                          std::size_t length, random_stream random) {
  auto const fill = [&](std::size_t least, auto const& make_one) {
    return largest_sample(tokenizer, length, least, make_one);
  };
  for (auto const& [known, task] : needle_tasks)
    if (known == name)
      return fill((std::max)(task.keys, task.queries) * task.values,
                  [&](std::size_t size) { return make_needles(task, essay, size, random); });
  if (name == "vt") return fill(5, [&](std::size_t size) { return make_tracking({}, size, random); });
  if (name == "cwe") return fill(11, [&](std::size_t size) { return make_common_words(size, length < 4096, random); });
  if (name == "fwe") return fill(64, [&](std::size_t size) { return make_frequent_words(size, random); });
  std::string all;
  for (auto const known : names) add_to_list(all, known);
  throw error{"ruler", text_of("no task is called \"", name, "\""), all};
}

}  // namespace headcount::v0::evaluate::ruler
