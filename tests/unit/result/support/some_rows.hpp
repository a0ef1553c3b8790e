#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <headcount/result/row.hpp>

namespace test {

/// A row of some prompt.
inline headcount::evaluate::row some_row(std::string prompt, double value = 0.1) {
  headcount::evaluate::row one{.model = "m",
                               .model_identity = "f",
                               .policy = "dense",
                               .policy_identity = "d",
                               .task = "needle",
                               .metric = "score",
                               .prompt = std::move(prompt),
                               .seed = 1,
                               .value = value};
  one.more["completion"] = "a \"quoted\"\nline \xff";  // not UTF-8
  return one;
}

/// Rows of prompts p<first> to before p<end>.
inline std::vector<headcount::evaluate::row> some_rows(std::size_t first, std::size_t end) {
  std::vector<headcount::evaluate::row> rows;
  for (auto i = first; i < end; ++i) rows.push_back(some_row("p" + std::to_string(i), static_cast<double>(i) / 3));
  return rows;
}

}  // namespace test
