#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <headcount/result/journal.hpp>
#include <headcount/task/language/small_language.hpp>

#include "finding.hpp"

namespace tool {

inline constexpr auto inside = "needle_inside_window";  ///< the task of prompts that a window holds

/// How much the demo measures.
struct demo_plan {
  std::uint64_t seed = 1;
  std::size_t prompts = 210;  ///< of each cell, about: a multiple of the lengths and depths inside the window
};

/// One prompt and what was said to it, for people to read.
struct spoken_example {
  std::string question{};
  std::vector<std::pair<std::string, std::string>> said{};  ///< policy, its words
};

struct measurement {
  std::string model{};
  std::string model_identity{};
  bool in_paper = false;  ///< whether the paper measures models of this architecture
  std::size_t heads = 0;
  std::size_t layers_with_attention = 0;
  std::optional<std::size_t> window{};
  std::vector<std::string> scorers{};             ///< that choose heads while generating; gate where there are gates
  std::vector<std::string> scorers_everywhere{};  ///< and in both phases
  std::vector<std::size_t> kept{};                ///< the numbers of heads that were tried while generating
  std::vector<std::size_t> kept_everywhere{};     ///< and in both phases
  std::size_t longest = 0;                        ///< tokens of the prompts longer than the window
  std::size_t prompts_of_requirements = 0;        ///< that what retrieval needs is asked of
  std::vector<finding> findings{};
  spoken_example example{};

  [[nodiscard]] bool has_gates() const { return scorers.back() == "gate"; }
};

/// Everything the demo measures on the model of a folder. Rows go to a file where there is one, and those that it holds
/// are not asked for again.
measurement measure(std::filesystem::path const& folder, headcount::evaluate::small_language const& language,
                    demo_plan const& plan, headcount::evaluate::journal* file);

}  // namespace tool
