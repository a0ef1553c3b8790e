#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/evaluate/run/canonical.hpp>
#include <headcount/evaluate/run/pairing.hpp>
#include <headcount/evaluate/run/row.hpp>
#include <headcount/report/estimate.hpp>
#include <headcount/report/policy_order.hpp>

namespace headcount::inline v0::report {

/// What is measured: values of one such are on one scale.
struct measured {
  std::string model;
  std::string fingerprint;
  std::string task;
  std::string setting;
  std::string metric;

  [[nodiscard]] friend auto operator<=>(measured const&, measured const&) = default;
};

/// What a panel that shows it is called, the model aside: "needle, shots=5: exact_match".
[[nodiscard]] inline std::string panel_title(measured const& of) {
  return text_of(of.task, of.setting.empty() ? "" : ", ", of.setting, ": ", of.metric);
}

/// What one policy reached.
struct result {
  measured of;
  std::string policy;                        ///< as `print` writes it
  std::vector<evaluate::row const*> rows{};  ///< in the order of their prompts, whatever that of the file
  estimate mean{};
};

/// Sorts rows into results: by what they measure, then in policy_before's order. The order of the rows does not matter.
/// `what` names them in errors. Throws headcount::error when there is no row, a row is there twice, or versions or
/// fingerprints are mixed.
[[nodiscard]] inline std::vector<result> results_of(std::string_view what, std::span<evaluate::row const> rows) {
  struct entry {
    measured of;
    std::string const* policy;
    std::size_t rank;  // of the policy
    evaluate::pair_key place;
    evaluate::row const* one;
  };
  if (rows.empty()) throw error{what, "it has no row", "a result file of headcount"};
  evaluate::canonical_policies canonical;
  std::vector<entry> entries;
  std::vector<evaluate::row const*> all;
  for (auto const& one : rows) {
    entries.push_back({{one.model, one.fingerprint, one.task, one.setting, one.metric},
                       &canonical.of(one.policy),
                       0,
                       evaluate::pair_key_of(one),
                       &one});
    all.push_back(&one);
  }
  evaluate::require_comparable(what, all);
  std::map<std::string_view, std::size_t, decltype([](auto a, auto b) { return policy_before(a, b); })> ranks;
  for (auto const& one : entries) ranks.emplace(*one.policy, 0);
  for (std::size_t rank = 0; auto& [policy, its_rank] : ranks) its_rank = rank++;
  for (auto& one : entries) one.rank = ranks.at(*one.policy);
  std::ranges::sort(entries, [](entry const& a, entry const& b) {
    return std::tie(a.of, a.rank, a.place) < std::tie(b.of, b.rank, b.place);
  });
  std::vector<result> results;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto const& [of, policy, rank, place, one] = entries[i];
    if (results.empty() || results.back().of != of || results.back().policy != *policy)
      results.push_back({.of = of, .policy = *policy});
    else if (entries[i - 1].place == place) evaluate::fail_on_second(what, *one);
    results.back().rows.push_back(one);
  }
  for (auto& one : results) one.mean = estimate_of(one.rows);
  return results;
}

/// The results of one model.
[[nodiscard]] inline std::vector<result const*> results_on(std::string_view model, std::span<result const> results) {
  std::vector<result const*> found;
  for (auto const& one : results)
    if (one.of.model == model) found.push_back(&one);
  return found;
}

}  // namespace headcount::inline v0::report
