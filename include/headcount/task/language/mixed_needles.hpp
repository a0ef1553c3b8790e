#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>

namespace headcount::v0::evaluate {

/// Needle `i` of many for the small hybrids that fit their window: 96, 112 and 192 tokens and five depths in turn, with
/// three more needles to confuse, in a context of its own. It depends on the seed and on i alone.
[[nodiscard]] inline needle_prompt mixed_needle(small_language const& language, std::size_t i, std::uint64_t seed) {
  constexpr std::array<std::size_t, 3> lengths{96, 112, 192};
  constexpr std::array<double, 5> depths{0, 0.25, 0.5, 0.75, 1};
  random_stream random{mix_bits(seed) + i};
  needle_plan plan{.length = lengths[i % lengths.size()], .depths = {depths[i / lengths.size() % depths.size()]}};
  for (int others = 0; others < 3; ++others) plan.depths.push_back(random.number());
  return make_needle_prompts(language, plan, random).front();
}

/// The first `count` of them.
[[nodiscard]] inline std::vector<needle_prompt> mixed_needles(small_language const& language, std::size_t count,
                                                              std::uint64_t seed) {
  std::vector<needle_prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) prompts.push_back(mixed_needle(language, i, seed));
  return prompts;
}

/// Needles to calibrate on, several times over, and others to measure on.
struct needle_draws {
  std::vector<std::vector<needle_prompt>> calibration{};  ///< `[draw]`
  std::vector<needle_prompt> held_out{};
};

/// Draws of `each` needles and `held_out` others; no two prompts of them all have the same needle. Throws
/// headcount::error when the language has not as many.
[[nodiscard]] inline needle_draws draw_needles(small_language const& language, std::size_t draws, std::size_t each,
                                               std::size_t held_out, std::uint64_t seed) {
  std::set<sentence_tokens> needles;
  auto const take = [&](std::size_t count, std::uint64_t from) {
    std::vector<needle_prompt> taken;
    for (std::size_t i = 0; taken.size() < count; ++i) {
      if (i > 10 * count + 100)
        throw error{"needles", text_of("the language has no ", needles.size() + 1, " different ones"), "fewer needles"};
      auto one = mixed_needle(language, i, from);
      auto const [first, last] = *one.needle.begin();
      auto const begin = one.context.begin() + static_cast<std::ptrdiff_t>(first);
      if (needles.emplace(begin, begin + static_cast<std::ptrdiff_t>(last + 1 - first)).second)
        taken.push_back(std::move(one));
    }
    return taken;
  };
  needle_draws all{.held_out = take(held_out, mix_bits(seed) + 1)};
  for (std::size_t draw = 0; draw < draws; ++draw)
    all.calibration.push_back(take(each, draw == 0 ? seed : mix_bits(seed) + 1 + draw));
  return all;
}

}  // namespace headcount::v0::evaluate
