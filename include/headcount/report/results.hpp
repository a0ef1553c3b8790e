#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/reference/parallel.hpp>
#include <headcount/report/policy_order.hpp>
#include <headcount/result/canonical.hpp>
#include <headcount/result/labels.hpp>
#include <headcount/result/pairing.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/total.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::report {

/// What is measured: values of one such are on one scale.
struct measured {
  std::string model;
  std::string model_identity;
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
  std::vector<evaluate::pair_key> places{};  ///< of each row, which other policies' rows of the same prompt share
  evaluate::metric how{};                    ///< what the task says of the metric
  evaluate::estimate mean{};
};

/// Sorts rows into results: by what they measure, then in policy_before's order. The order of the rows does not matter,
/// and what has one identity is one, whatever rows call it.
/// `metrics` says what tasks measure; `what` names the rows in errors. Throws headcount::error when there is no row, a
/// row is there twice, a label stands for two identities, or versions are mixed.
[[nodiscard]] inline std::vector<result> results_of(std::string_view what, std::span<evaluate::row const> rows,
                                                    evaluate::metrics_by_task metrics) {
  if (rows.empty()) throw error{what, "it has no row", "a result file of headcount"};
  // Few things are measured under few policies: rows are sorted by their places in lists of these.
  using measured_view =
      std::tuple<std::string_view, std::string_view, std::string_view, std::string_view, std::string_view>;
  struct entry {
    std::size_t* of;
    std::size_t* policy;
    evaluate::pair_key place;
    evaluate::row const* one;
    evaluate::row_names const* names;
  };
  evaluate::canonical_policies canonical;
  std::vector<evaluate::row const*> all;
  for (auto const& one : rows) all.push_back(&one);
  auto const names = evaluate::names_of_rows(what, all, canonical);
  evaluate::require_one_version(what, all);
  std::map<measured_view, std::size_t> measures;
  std::map<std::string_view, std::size_t> policies;
  std::vector<entry> entries;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const& one = rows[i];
    auto const of =
        measures.try_emplace({names[i].model, one.model_identity, one.task, names[i].setting, one.metric}).first;
    auto const policy = policies.try_emplace(names[i].policy).first;
    entries.push_back({&of->second, &policy->second, evaluate::pair_key_of(one), &one, &names[i]});
  }
  std::vector<std::string_view> in_order;
  for (std::size_t rank = 0; auto& [of, its_rank] : measures) its_rank = rank++;
  for (auto const& [policy, its_rank] : policies) in_order.push_back(policy);
  std::ranges::sort(in_order, policy_before);
  for (std::size_t rank = 0; rank < in_order.size(); ++rank) policies.at(in_order[rank]) = rank;
  std::ranges::sort(entries, [](entry const& a, entry const& b) {
    return std::tie(*a.of, *a.policy, a.place) < std::tie(*b.of, *b.policy, b.place);
  });
  std::vector<result> results;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto const& [of, policy, place, one, called] = entries[i];
    if (i == 0 || entries[i - 1].of != of || entries[i - 1].policy != policy)
      results.push_back({.of = {called->model, one->model_identity, one->task, called->setting, one->metric},
                         .policy = std::string{in_order[*policy]},
                         .how = evaluate::find_metric(metrics(one->task), one->metric)});
    else if (entries[i - 1].place == place) evaluate::fail_on_second(what, *one);
    results.back().rows.push_back(one);
  }
  for (std::size_t i = 0; auto& one : results)
    for (std::size_t row = 0; row < one.rows.size(); ++row) one.places.push_back(std::move(entries[i++].place));
  reference::for_each_index(
      results.size(), [&](std::size_t i) { results[i].mean = evaluate::estimate_of(results[i].rows, results[i].how); });
  return results;
}

/// The results of one model.
[[nodiscard]] inline std::vector<result const*> results_on(std::string_view model, std::span<result const> results) {
  std::vector<result const*> found;
  for (auto const& one : results)
    if (one.of.model == model) found.push_back(&one);
  return found;
}

}  // namespace headcount::v0::report
