#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <headcount/result/row.hpp>
#include <headcount/result/total.hpp>
#include <headcount/statistics/jackknife.hpp>
#include <headcount/statistics/mean_interval.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

/// Rows of one task in a family's mean, and what it counts of them.
struct family_member {
  std::vector<row const*> rows{};
  std::vector<metric> counted{};  ///< two at most; their mean is what the task counts
};

/// The mean over a family's tasks, each counting alike, two or more. Tasks are independent of each other.
[[nodiscard]] inline total family_mean(std::span<family_member const> members, std::string_view family,
                                       std::string_view name) {
  auto const& first = *members.front().rows.front();
  total made{.model = first.model,
             .policy = first.policy,
             .task = std::string{family},
             .setting = first.setting,
             .metric = std::string{name}};
  made.found.value = 0;
  mean_variance sum;
  double squares = 0;
  auto const tasks = static_cast<double>(members.size());
  for (auto const& [rows, counted] : members) {
    auto const figure = [&](std::array<double, 8> const& sums) {
      double of_task = 0;
      for (std::size_t m = 0; m < counted.size(); ++m)
        of_task += counted[m].total.total({sums[4 * m], sums[4 * m + 1], sums[4 * m + 2], sums[4 * m + 3]});
      return of_task / static_cast<double>(counted.size());
    };
    std::vector<std::array<double, 8>> of_rows;
    for (auto const* one : rows) {
      auto& sums = of_rows.emplace_back();
      for (std::size_t m = 0; m < counted.size(); ++m)
        std::ranges::copy(sums_of(*one, counted[m].total).value_or(row_sums{}),
                          sums.begin() + static_cast<std::ptrdiff_t>(4 * m));
    }
    mean_variance widest;
    std::size_t count = 0;
    for (auto const& groups : clusterings_of(rows)) {
      auto const of = jackknife<8>(sums_of_clusters<8>(groups, of_rows), cluster_shares(groups, rows.size()), figure);
      if (count != 0 && of.variance <= widest.variance) continue;
      widest = of;
      count = groups.size();
    }
    made.found.value += widest.mean / tasks;
    made.found.rows += rows.size();
    made.found.prompts += clusterings_of(rows).front().size();
    made.found.clusters += count;
    sum.variance += widest.variance / (tasks * tasks);
    if (widest.degrees > 0)
      squares += widest.variance * widest.variance / (tasks * tasks * tasks * tasks * widest.degrees);
  }
  sum.mean = made.found.value;
  sum.degrees = squares > 0 ? sum.variance * sum.variance / squares : 0;
  made.found.ci95 = mean_interval(sum, between(-1, 1), made.found.prompts, made.found.clusters);
  return made;
}

/// Rows as totals: one for each model, task, setting, metric and policy, in the order of their first rows; after it
/// those of metrics that are computed from the same rows, and of each of several values of the factor that the metric
/// is split by, task "TASK/VALUE". Means over families of tasks come at the end. `metrics` says what tasks measure;
/// metrics that it does not know are means.
[[nodiscard]] inline std::vector<total> summarise(std::span<row const> rows, metrics_by_task metrics) {
  using key = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view, std::string_view,
                         std::string_view>;
  std::map<key, std::size_t> index_of;
  std::vector<std::vector<row const*>> groups;
  for (auto const& one : rows) {
    auto const [at, is_new] = index_of.try_emplace(
        {one.model, one.task, one.setting, one.metric, one.policy, one.policy_identity}, groups.size());
    if (is_new) groups.emplace_back();
    groups[at->second].push_back(&one);
  }
  std::vector<total> totals;
  using family_key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  std::vector<std::pair<family_key, std::vector<family_member>>> families;
  for (auto const& group : groups) {
    auto const& first = *group.front();
    auto const known = metrics(first.task);
    auto const& own = find_metric(known, first.metric);
    totals.push_back(make_total(group, own));
    if (!own.split_by.empty()) {
      std::map<std::string, std::vector<row const*>> parts;
      for (auto const* one : group)
        if (auto const value = one->factors.find(std::string{own.split_by}); value != one->factors.end())
          parts[value->second].push_back(one);
      if (parts.size() > 1)
        for (auto const& [value, of_value] : parts) {
          totals.push_back(make_total(of_value, own));
          totals.back().task += "/" + value;
        }
    }
    family_member member{.rows = group};
    std::string_view name;
    for (auto const& one : known) {
      bool const is_own = one.name == first.metric;
      if (one.rows_of == first.metric) totals.push_back(make_total(group, one));
      if (one.averaged_as.empty() || (!is_own && one.rows_of != first.metric)) continue;
      name = one.averaged_as;
      member.counted.push_back(one);
    }
    if (member.counted.empty()) continue;
    auto const family = first.task.substr(0, first.task.find('/'));
    family_key const place{first.model, first.policy, first.setting, family, std::string{name}};
    auto found = std::ranges::find(families, place, [](auto const& one) -> auto const& { return one.first; });
    if (found == families.end()) found = families.insert(families.end(), {place, {}});
    found->second.push_back(std::move(member));
  }
  for (auto const& [place, members] : families)
    if (members.size() > 1) totals.push_back(family_mean(members, std::get<3>(place), std::get<4>(place)));
  return totals;
}

}  // namespace headcount::v0::evaluate
