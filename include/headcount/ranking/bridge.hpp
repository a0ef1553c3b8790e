#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/select/top_k.hpp>

namespace headcount::v0::evaluate {

// Runtime or static? Policies that keep the same number of heads, chosen at run time, by rankings, or by nothing but
// chance, on the same prompts. Everything that is calibrated is calibrated several times, on other texts each time, so
// that its intervals say what another calibration would do.

/// What is compared.
struct bridge_plan {
  std::vector<std::size_t> k{2, 3, 5};  ///< heads kept in a layer
  /// Scorers that choose at run time and are distilled as entropy is, beside it: score::gate where heads have gates.
  std::vector<any_scorer> scorers{};
  std::vector<std::string> methods{};  ///< of rankings; all that the engine has the level for when empty
  std::uint64_t seed = 1;              ///< of the random controls
  /// Is told what is being done.
  std::function<void(std::string const&)> progress = [](std::string const&) {};
};

/// One way to choose heads, and what came of it.
struct bridge_entry {
  std::string method;
  std::string kind;    ///< "runtime", "static" or "control"
  std::string budget;  ///< "layer": k heads of every layer; "global": as many of the whole model
  std::size_t k = 0;
  std::size_t heads = 0;                      ///< kept in the whole model at a token, on average
  std::vector<any_policy> policies{};         ///< one a draw of the calibration; one alone where nothing is calibrated
  std::vector<std::string> keeps{};           ///< what each keeps, where that is the same at every token; else empty
  std::vector<std::vector<double>> values{};  ///< `[policy][prompt]`: what they make of the prompts
};

/// A method's rankings.
struct bridge_ranking {
  std::string method;
  std::string kind;
  std::vector<ranking> draws{};  ///< one a draw of the calibration, or one alone
};

/// Everything that is compared.
struct bridge {
  std::vector<bridge_entry> entries{};
  std::vector<bridge_ranking> rankings{};
};

/// A runtime policy that others are distilled from: k heads of every layer. That of entropy is what all are held
/// against.
[[nodiscard]] inline any_policy bridge_oracle(any_scorer const& scorer, std::size_t k) {
  return any_policy{scorer, select::top_k{k}}.during(phase::generation);
}

/// Measures every policy: `ask(policies)` says what each makes of each prompt, `[policy][prompt]`. Policies that always
/// keep the same heads are asked once.
template <class Ask>
void measure_bridge(bridge& all, Ask const& ask) {
  std::vector<any_policy> policies;
  std::map<std::string, std::size_t, std::less<>> known;
  std::vector<std::size_t> asked;
  for (auto const& entry : all.entries)
    for (std::size_t draw = 0; draw < entry.policies.size(); ++draw) {
      auto index = policies.size();
      if (!entry.keeps[draw].empty()) index = known.emplace(entry.keeps[draw], index).first->second;
      if (index == policies.size()) policies.push_back(entry.policies[draw]);
      asked.push_back(index);
    }
  std::vector<std::vector<double>> const values = ask(std::span<any_policy const>{policies});
  auto next = asked.begin();
  for (auto& entry : all.entries) {
    entry.values.clear();
    for (std::size_t draw = 0; draw < entry.policies.size(); ++draw) entry.values.push_back(values[*next++]);
  }
}

}  // namespace headcount::v0::evaluate
