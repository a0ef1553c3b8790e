#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/result/canonical.hpp>
#include <headcount/result/labels.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/total.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/comparison.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

/// The answers of two policies for one model, task and metric, on the prompts that both answered.
struct paired_values {
  std::string model{};
  std::string model_identity{};
  std::string task{};
  std::string setting{};
  std::string metric{};
  evaluate::metric of{};    ///< what the task says of it
  paired_sample sample{};   ///< of each pair, and what their prompts share
  std::size_t prompts = 0;  ///< of these pairs
  std::size_t only_a = 0;   ///< rows left out because the other policy has none like them
  std::size_t only_b = 0;
  std::size_t not_finite_pairs = 0;  ///< pairs left out because one of their values, or both, is not finite
  std::size_t not_finite_a = 0;      ///< values that are not finite
  std::size_t not_finite_b = 0;
};

/// A row of policy a and one of policy b that answer the same prompt.
using row_pair = std::pair<row const*, row const*>;

/// Pairs of rows of one model, task and metric, one or more, as what is compared.
[[nodiscard]] inline paired_values pair_values(std::span<row_pair const> pairs, metric const& of) {
  auto const& first = *pairs.front().first;
  paired_values values{first.model, first.model_identity, first.task, first.setting, first.metric, of};
  std::vector<row const*> all;
  for (auto const& [a, b] : pairs) all.insert(all.end(), {a, b});
  auto const& how = aggregate_for(all, of);
  values.sample.total = how;
  values.sample.values = of.values;
  std::vector<row const*> kept;
  for (auto const& [a, b] : pairs) {
    bool const is_a = is_finite(*a, how);
    bool const is_b = is_finite(*b, how);
    values.not_finite_a += is_a ? 0u : 1u;
    values.not_finite_b += is_b ? 0u : 1u;
    if (!is_a || !is_b) {
      ++values.not_finite_pairs;
      continue;
    }
    values.sample.a.push_back(*sums_of(*a, how));
    values.sample.b.push_back(*sums_of(*b, how));
    kept.push_back(a);
  }
  if (kept.empty()) return values;
  values.sample.by = clusterings_of(kept);
  values.prompts = values.sample.by.front().size();
  return values;
}

/// Compares the two policies. Without a pair of finite values there is no total (NaN) and no test.
[[nodiscard]] inline comparison compare(paired_values const& values, comparison_plan const& plan = {}) {
  constexpr auto unknown = std::numeric_limits<double>::quiet_NaN();
  if (values.sample.a.empty())
    return {.mean_a = unknown,
            .mean_b = unknown,
            .difference = unknown,
            .range = {unknown, unknown},
            .test = "no test",
            .smallest_detectable = std::numeric_limits<double>::infinity()};
  return compare(values.sample, plan);
}

/// Throws headcount::error unless rows are of one version.
inline void require_one_version(std::string_view what, std::span<row const* const> rows) {
  for (auto const* one : rows)
    if (one->version != rows.front()->version)
      throw error{what, text_of("it mixes rows of versions ", rows.front()->version, " and ", one->version),
                  "rows of one version"};
}

/// What rows of two policies share when they answer the same prompt: the task's identity, the prompt's name, the seed
/// that it was drawn with, and what it shares with others.
using pair_key = std::tuple<std::string, std::string, std::uint64_t, std::map<std::string, std::string>>;
[[nodiscard]] inline pair_key pair_key_of(row const& one) {
  return {one.task_identity, one.prompt, one.seed, one.factors};
}

/// Throws headcount::error: `one` is there twice, which would count its prompt twice. `what` names the rows.
[[noreturn]] inline void fail_on_second(std::string_view what, row const& one) {
  throw error{what,
              text_of("two rows of ", one.model, ", \"", one.policy, "\", ", one.task, ", ", one.metric, ", prompt \"",
                      one.prompt, "\", seed ", one.seed),
              "one"};
}

/// Pairs the rows of policies `a` and `b`, sentences in any spelling, by what they answered: model, task, setting and
/// metric, one result for each of these, in their order, and in it task identity, prompt, seed and factors. What has
/// one identity is one, whatever rows call it. Rows without a pair are left out, and so are pairs with a value that is
/// not finite. `task` is empty for all tasks; `metrics` says what tasks measure; `what` names the rows in errors.
/// Throws headcount::error when the policies are the same, one has no row, no row has a pair, a row is there twice, a
/// label stands for two identities, or versions are mixed.
[[nodiscard]] inline std::vector<paired_values> pair_rows(std::string_view what, std::span<row const> rows,
                                                          std::string const& a, std::string const& b,
                                                          metrics_by_task metrics, std::string const& task = {}) {
  canonical_policies canonical;
  std::vector<row const*> all;
  for (auto const& one : rows)
    if (task.empty() || one.task == task) all.push_back(&one);
  auto const names = names_of_rows(what, all, canonical);
  std::string policies[]{canonical.of(a), canonical.of(b)};
  auto const fail_on_same = [&] {
    if (policies[0] == policies[1])
      throw error{text_of("policies \"", a, "\" and \"", b, "\""), "they are the same", "two that differ"};
  };
  fail_on_same();
  for (auto& policy : policies) {
    auto const has = [&](row const* one) { return canonical.of(one->policy) == policy; };
    auto const found = std::ranges::find_if(all, has);
    if (found == all.end()) {
      (void)canonical_policy(&policy == policies ? a : b);  // one that cannot be read is the likelier mistake
      throw error{what, text_of("it has no row of \"", policy, "\"", task.empty() ? "" : " for task ", task)};
    }
    policy = names[static_cast<std::size_t>(found - all.begin())].policy;
  }
  fail_on_same();

  using group_key = std::tuple<std::string, std::string, std::string, std::string>;
  std::map<group_key, std::map<pair_key, row_pair>> groups;
  std::vector<row const*> used;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto const& [model, policy, setting] = names[i];
    if (policy != policies[0] && policy != policies[1]) continue;
    used.push_back(all[i]);
    auto& pair = groups[{model, all[i]->task, setting, all[i]->metric}][pair_key_of(*all[i])];
    auto& place = policy == policies[0] ? pair.first : pair.second;
    if (place != nullptr) fail_on_second(what, *all[i]);
    place = all[i];
  }
  require_one_version(what, used);

  std::vector<paired_values> paired;
  for (auto const& [key, pairs] : groups) {
    std::vector<row_pair> met;
    std::size_t only_a = 0;
    std::size_t only_b = 0;
    for (auto const& [prompt, pair] : pairs) {
      only_a += pair.second == nullptr ? 1u : 0u;
      only_b += pair.first == nullptr ? 1u : 0u;
      if (pair.first != nullptr && pair.second != nullptr) met.push_back(pair);
    }
    if (met.empty()) continue;
    auto const& first = *met.front().first;
    auto& made = paired.emplace_back(pair_values(met, find_metric(metrics(first.task), first.metric)));
    made.model = std::get<0>(key);
    made.setting = std::get<2>(key);
    made.only_a = only_a;
    made.only_b = only_b;
  }
  if (paired.empty())
    throw error{what, text_of("no row of \"", policies[0], "\" has one of \"", policies[1], "\" on the same prompt"),
                "rows of the same model, task, setting, metric, prompt, seed and factors"};
  return paired;
}

}  // namespace headcount::v0::evaluate
