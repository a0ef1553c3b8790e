#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/task/language/small_language.hpp>

#include "finding.hpp"

namespace tool {

/// How much the demo measures.
struct demo_plan {
  std::uint64_t seed = 1;
  std::size_t prompts = 210;  ///< of each cell, about: a multiple of the lengths and depths inside the window
};

/// One prompt and what was said to it, for people to read.
struct spoken_example {
  std::string question{};
  std::string answer{};
  std::vector<std::pair<std::string, std::string>> said{};  ///< policy, its words
};

struct measurement {
  std::string model{};
  std::size_t heads = 0;
  std::size_t layers_with_attention = 0;
  std::optional<std::size_t> window{};
  std::vector<std::size_t> kept{};             ///< the numbers of heads that were tried while generating
  std::vector<std::size_t> kept_everywhere{};  ///< and in both phases
  std::size_t longest = 0;                     ///< tokens of the prompts longer than the window
  std::vector<finding> findings{};
  spoken_example example{};
};

/// Everything the demo measures on one model.
measurement measure(headcount::reference::snapshot const& snapshot, headcount::evaluate::small_language const& language,
                    demo_plan const& plan);

}  // namespace tool
