#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <headcount/core/random.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>

namespace headcount::v0::evaluate {

/// Needles for the small hybrids that fit their window: 96, 112 and 192 tokens and five depths in turn, with three more
/// needles to confuse. Prompt i depends on the seed and on i alone.
[[nodiscard]] inline std::vector<needle_prompt> mixed_needles(small_language const& language, std::size_t count,
                                                              std::uint64_t seed) {
  constexpr std::array<std::size_t, 3> lengths{96, 112, 192};
  constexpr std::array<double, 5> depths{0, 0.25, 0.5, 0.75, 1};
  std::vector<needle_prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    random_stream random{mix_bits(seed) + i};
    needle_plan plan{.length = lengths[i % lengths.size()], .depths = {depths[i / lengths.size() % depths.size()]}};
    for (int others = 0; others < 3; ++others) plan.depths.push_back(random.number());
    prompts.push_back(make_needle_prompts(language, plan, random).front());
  }
  return prompts;
}

}  // namespace headcount::v0::evaluate
