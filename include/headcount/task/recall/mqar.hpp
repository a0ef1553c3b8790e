#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>

namespace headcount::v0::evaluate {

/// How key and value pairs are asked for.
struct mqar_plan {
  std::size_t vocabulary = 8192;  ///< keys are tokens of its first half, without 0; values of its second half
  std::size_t length = 64;        ///< tokens, an even number of at least 4 a pair
  std::size_t pairs = 4;
  double power = 0.01;  ///< a of the gaps' distribution: p(i) ~ a * i^(a - 1)
};

/// Multi-query associative recall: pairs of a key and its value, and later each key once again.
struct mqar_text {
  std::vector<token> pairs{};                           ///< key, value, key, value, ...
  std::vector<token> queries{};                         ///< the keys at even places, other tokens between
  std::vector<std::pair<std::size_t, token>> wanted{};  ///< where each key stands in `queries`, and its value
};

/// The set of keys that a text asks for, as prompts may share it: "3,7,12".
[[nodiscard]] inline std::string print_keys(mqar_text const& text) {
  std::vector<token> keys;
  for (std::size_t i = 0; i < text.pairs.size(); i += 2) keys.push_back(text.pairs[i]);
  std::ranges::sort(keys);
  std::string list;
  for (auto const key : keys) add_to_list(list, text_of(key), ",");
  return list;
}

/// Makes one text. Keys and values are all different; tokens between the queries are any but those keys, so that
/// nothing else looks like a query. Throws headcount::error for a plan that cannot be.
/// Source: Arora et al. 2023, "Zoology", arXiv 2312.04927, section 4 and its `multiquery_ar`.
[[nodiscard]] inline mqar_text make_mqar(mqar_plan const& plan, random_stream& random) {
  auto const half = plan.vocabulary / 2;
  if (plan.pairs == 0 || plan.length < 4 * plan.pairs || plan.length % 2 != 0)
    throw error{"mqar", text_of("length ", plan.length, " with ", plan.pairs, " pairs"),
                "an even length of at least 4 tokens a pair"};
  if (half < plan.pairs + 2)
    throw error{"mqar", text_of("vocabulary ", plan.vocabulary, " with ", plan.pairs, " pairs"),
                text_of("at least ", 2 * (plan.pairs + 2))};
  auto const some = [&](std::size_t first, std::size_t end) {
    std::vector<token> all(end - first);
    std::iota(all.begin(), all.end(), static_cast<token>(first));
    return random.some_of(std::move(all), plan.pairs);
  };
  auto const keys = some(1, half);
  auto const values = some(half, plan.vocabulary);
  mqar_text text;
  for (std::size_t i = 0; i < plan.pairs; ++i) text.pairs.insert(text.pairs.end(), {keys[i], values[i]});

  auto const space = (plan.length - 2 * plan.pairs) / 2;
  std::vector<double> chance(space);
  for (std::size_t i = 0; i < space; ++i) chance[i] = plan.power * std::pow(static_cast<double>(i + 1), plan.power - 1);
  text.queries.resize(2 * space);
  for (auto& filler : text.queries) {
    do filler = static_cast<token>(random.below(plan.vocabulary));
    while (std::ranges::find(keys, filler) != keys.end());
  }
  for (std::size_t i = 0; i < plan.pairs; ++i) {
    auto left = random.number() * std::accumulate(chance.begin(), chance.end(), 0.0);
    std::size_t gap = 0;
    while (gap + 1 < space && (chance[gap] == 0 || left >= chance[gap])) left -= chance[gap++];
    while (chance[gap] == 0) --gap;  // rounding can pass the last place that is free
    chance[gap] = 0;
    text.queries[2 * gap] = keys[i];
    text.wanted.emplace_back(2 * gap, values[i]);
  }
  return text;
}

}  // namespace headcount::v0::evaluate
