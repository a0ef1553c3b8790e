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
#include <headcount/result/row.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/comparison.hpp>

namespace headcount::v0::evaluate {

/// The values of two policies for one model, task and metric, on the prompts that both answered.
struct paired_values {
  std::string model;
  std::string fingerprint;
  std::string task;
  std::string setting;
  std::string metric;
  std::vector<double> a{};
  std::vector<double> b{};
  std::vector<std::string> prompts{};  ///< of each pair
  std::size_t only_a = 0;              ///< rows left out because the other policy has none like them
  std::size_t only_b = 0;
  std::size_t not_finite_pairs = 0;  ///< pairs left out because one of their values, or both, is not finite
  std::size_t not_finite_a = 0;      ///< values that are not finite
  std::size_t not_finite_b = 0;
};

/// Adds a pair, or counts which of its values is not finite.
inline void add_pair(paired_values& to, double a, double b, std::string const& prompt) {
  to.not_finite_a += std::isfinite(a) ? 0u : 1u;
  to.not_finite_b += std::isfinite(b) ? 0u : 1u;
  if (!std::isfinite(a) || !std::isfinite(b)) {
    ++to.not_finite_pairs;
    return;
  }
  to.a.push_back(a);
  to.b.push_back(b);
  to.prompts.push_back(prompt);
}

/// Whether the two have answered the same prompt, with finite values or not.
[[nodiscard]] inline bool has_pair(paired_values const& values) noexcept {
  return !values.a.empty() || values.not_finite_pairs > 0;
}

/// Compares the two policies; the seeds of one prompt make a cluster. Without a pair of finite values there is no mean
/// (NaN) and no test.
[[nodiscard]] inline comparison compare(paired_values const& values, comparison_plan const& plan = {}) {
  constexpr auto unknown = std::numeric_limits<double>::quiet_NaN();
  if (values.a.empty())
    return {.mean_a = unknown,
            .mean_b = unknown,
            .difference = unknown,
            .range = {unknown, unknown},
            .test = "no test",
            .smallest_detectable = std::numeric_limits<double>::infinity()};
  return compare(values.a, values.b, cluster_by_name(values.prompts), plan);
}

/// Throws headcount::error unless rows can be compared with each other: one version, and one fingerprint a model.
inline void require_comparable(std::string_view what, std::span<row const* const> rows) {
  std::map<std::string, std::string> fingerprint_of;
  for (auto const* one : rows) {
    if (one->version != rows.front()->version)
      throw error{what, text_of("it mixes rows of versions ", rows.front()->version, " and ", one->version),
                  "rows of one version"};
    auto const& first = fingerprint_of.try_emplace(one->model, one->model_identity).first->second;
    if (one->model_identity != first)
      throw error{what,
                  text_of("it mixes weights of ", one->model, ": fingerprints ", first, " and ", one->model_identity),
                  "one fingerprint a model"};
  }
}

/// What rows of two policies share when they answer the same prompt: its name, seed, length and depth.
using pair_key = std::tuple<std::string, std::uint64_t, std::string, std::string>;
/// The key of a row; length and depth as JSON writes them, empty where the row has none.
[[nodiscard]] inline pair_key pair_key_of(row const& one) {
  auto const more = [&](char const* key) { return one.more.contains(key) ? one.more[key].dump() : std::string{}; };
  return {one.prompt, one.seed, more("length"), more("depth")};
}

/// Throws headcount::error: `one` is there twice, which would count its prompt twice. `what` names the rows.
[[noreturn]] inline void fail_on_second(std::string_view what, row const& one) {
  throw error{what,
              text_of("two rows of ", one.model, ", \"", one.policy, "\", ", one.task, ", ", one.metric, ", prompt \"",
                      one.prompt, "\", seed ", one.seed),
              "one"};
}

/// Pairs the rows of policies `a` and `b`, sentences in any spelling, by model, fingerprint, task, setting, metric,
/// prompt, seed, length and depth: one result for each of the first five, in their order; those without a pair are left
/// out, and so are pairs with a value that is not finite. `task` is empty for all tasks. `what` names the rows in
/// errors. Throws headcount::error when the policies are the same, one has no row, no row has a pair, a row is there
/// twice, or versions or fingerprints are mixed.
[[nodiscard]] inline std::vector<paired_values> pair_rows(std::string_view what, std::span<row const> rows,
                                                          std::string const& a, std::string const& b,
                                                          std::string const& task = {}) {
  canonical_policies canonical;
  std::string const names[]{canonical.of(a), canonical.of(b)};
  if (names[0] == names[1])
    throw error{text_of("policies \"", a, "\" and \"", b, "\""), "they are the same", "two that differ"};
  std::vector<row const*> used;
  for (auto const& one : rows) {
    auto const& policy = canonical.of(one.policy);
    if ((task.empty() || one.task == task) && (policy == names[0] || policy == names[1])) used.push_back(&one);
  }
  for (auto const which : {0u, 1u}) {
    if (std::ranges::any_of(used, [&](row const* one) { return canonical.of(one->policy) == names[which]; })) continue;
    (void)canonical_policy(which == 0 ? a : b);  // one that cannot be read is the likelier mistake
    throw error{what, text_of("it has no row of \"", names[which], "\"", task.empty() ? "" : " for task ", task)};
  }
  require_comparable(what, used);

  using group_key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  std::map<group_key, std::map<pair_key, std::pair<std::optional<double>, std::optional<double>>>> groups;
  for (auto const* one : used) {
    auto& pair = groups[{one->model, one->model_identity, one->task, one->setting, one->metric}][pair_key_of(*one)];
    auto& value = canonical.of(one->policy) == names[0] ? pair.first : pair.second;
    if (value) fail_on_second(what, *one);
    value = one->value;
  }

  std::vector<paired_values> paired;
  for (auto const& [key, pairs] : groups) {
    auto const& [model, fingerprint, its_task, setting, metric] = key;
    paired_values values{model, fingerprint, its_task, setting, metric};
    for (auto const& [prompt, pair] : pairs) {
      values.only_a += pair.second ? 0u : 1u;
      values.only_b += pair.first ? 0u : 1u;
      if (pair.first && pair.second) add_pair(values, *pair.first, *pair.second, std::get<0>(prompt));
    }
    if (has_pair(values)) paired.push_back(std::move(values));
  }
  if (paired.empty())
    throw error{what, text_of("no row of \"", names[0], "\" has one of \"", names[1], "\" on the same prompt"),
                "rows of the same model, task, setting, metric, prompt, seed, length and depth"};
  return paired;
}

}  // namespace headcount::v0::evaluate
