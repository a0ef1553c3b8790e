#pragma once

// One measured number of the demo, and how it is written.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <headcount/statistics/interval.hpp>
#include <headcount/version.hpp>

namespace tool {

struct finding {
  std::string model{};
  std::string model_identity{};
  std::uint64_t seed = 0;
  std::string task{};
  std::string setting{};  ///< how the task's prompts are asked, where not as they are
  std::string policy{};
  std::string metric{};
  double value = 0;
  headcount::evaluate::interval ci95{};
  std::size_t n = 0;  ///< prompts
  nlohmann::ordered_json more =
      nlohmann::ordered_json::object();  ///< what the metric adds, e.g. a p-value and its test
};

/// A row of findings.json.
inline nlohmann::ordered_json to_json(finding const& row) {
  nlohmann::ordered_json json{{"model", row.model},
                              {"task", row.task},
                              {"setting", row.setting},
                              {"policy", row.policy},
                              {"metric", row.metric},
                              {"value", row.value},
                              {"ci95", {row.ci95.low, row.ci95.high}},
                              {"n", row.n},
                              {"model_identity", row.model_identity},
                              {"seed", row.seed},
                              {"version", headcount::version}};
  json.update(row.more);
  return json;
}

/// "0.93 [0.88, 0.96]", or whole numbers for counts.
inline std::string print(finding const& row, int digits = 2) {
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", row.value, digits, row.ci95.low, digits, row.ci95.high, digits);
}

}  // namespace tool
