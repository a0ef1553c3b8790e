#pragma once

// One measured number of the demo: a total of result rows, or a figure that is computed from several.

#include <cstdint>
#include <string>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <headcount/result/total.hpp>
#include <headcount/version.hpp>

namespace tool {

struct finding {
  headcount::evaluate::total of{};
  nlohmann::ordered_json more =
      nlohmann::ordered_json::object();  ///< what the metric adds, e.g. a p-value and its test
};

/// An entry of findings.json.
inline nlohmann::ordered_json to_json(finding const& one, std::string const& model_identity, std::uint64_t seed) {
  auto const& [model, policy, task, setting, metric, found] = one.of;
  nlohmann::ordered_json json{{"model", model},
                              {"task", task},
                              {"setting", setting},
                              {"policy", policy},
                              {"metric", metric},
                              {"value", found.value},
                              {"ci95", {found.ci95->low, found.ci95->high}},
                              {"n", found.prompts},
                              {"clusters", found.clusters},
                              {"model_identity", model_identity},
                              {"seed", seed},
                              {"version", headcount::version}};
  json.update(one.more);
  return json;
}

/// "0.93 [0.88, 0.96]".
inline std::string print(finding const& one) {
  auto const& found = one.of.found;
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", found.value, found.ci95->low, found.ci95->high);
}

}  // namespace tool
