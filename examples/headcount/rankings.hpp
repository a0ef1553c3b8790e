#pragma once

// Ways to rank heads, as `headcount list` shows them; what they do is compiled in rank.cpp alone.

#include <string>
#include <vector>

namespace tool {

/// A method of `headcount rank`, or a file format of another project.
struct described_ranking {
  std::string form;   ///< as it is written, e.g. "mean(SCORER)"
  std::string about;  ///< in one line
  std::string reads;  ///< "a file", "attention", "weights"
};

[[nodiscard]] std::vector<described_ranking> describe_rankings();

}  // namespace tool
