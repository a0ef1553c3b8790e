#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <headcount/file/json_number.hpp>
#include <headcount/result/clusterings.hpp>
#include <headcount/result/row.hpp>
#include <headcount/statistics/clustered_share.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/jackknife.hpp>
#include <headcount/statistics/mean_interval.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

/// What rows come to, and how sure it is: the one total of a metric, whoever prints it.
struct estimate {
  double value = std::numeric_limits<double>::quiet_NaN();  ///< NaN where no row has a finite value
  std::optional<interval> ci95{};                           ///< none when a single prompt says nothing of the others
  std::size_t rows = 0;
  std::size_t prompts = 0;     ///< of rows with a finite value
  std::size_t clusters = 0;    ///< of what they share, as the interval counts them
  std::size_t not_finite = 0;  ///< rows that are left out, as their value is not finite
};

/// The metric over all prompts of a task under a policy.
struct total {
  std::string model{};
  std::string policy{};
  std::string task{};
  std::string setting{};
  std::string metric{};
  estimate found{};
};

/// What a row adds to a total; nothing when it lacks what the total reads.
[[nodiscard]] inline std::optional<row_sums> sums_of(row const& one, aggregate const& how) {
  std::array<double, 2> read{};
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (how.reads[i].empty()) continue;
    auto const found = one.more.find(how.reads[i]);
    auto const number = found == one.more.end() ? std::nullopt : number_from(*found);
    if (!number) return {};
    read[i] = *number;
  }
  return how.of_row(one.value, read);
}

/// How rows become a total: as the metric says, or their mean when one of them lacks what that reads.
[[nodiscard]] inline aggregate const& aggregate_for(std::span<row const* const> rows, metric const& of) {
  auto const has = [&](row const* one) { return sums_of(*one, of.total).has_value(); };
  return std::ranges::all_of(rows, has) ? of.total : mean_of_rows;
}

/// Whether a row counts: its value is finite, and so is what the total reads.
[[nodiscard]] inline bool is_finite(row const& one, aggregate const& how) {
  auto const sums = sums_of(one, how);
  return std::isfinite(one.value) && sums && std::ranges::all_of(*sums, [](double sum) { return std::isfinite(sum); });
}

/// The 95% interval of a total over one clustering; nothing of a single cluster.
[[nodiscard]] inline std::optional<interval> interval_of(clusters const& groups, std::span<row_sums const> rows,
                                                         metric const& of, aggregate const& how) {
  if (groups.size() < 2) return {};
  auto const sums = sums_of_clusters<4>(groups, rows);
  if (of.values.right_or_wrong && how == mean_of_rows) {
    std::vector<share> shares;
    for (auto const& own : sums)
      shares.push_back({static_cast<std::size_t>(std::lround(own[0])), static_cast<std::size_t>(own[1])});
    return clustered_share_interval(shares);
  }
  auto const varies = jackknife<4>(sums, cluster_shares(groups, rows.size()), how.total);
  return mean_interval(varies, of.values.right_or_wrong ? between(0, 1) : of.values, rows.size(), groups.size());
}

/// The total of rows of one metric, at least one. Of the clusterings (see clusterings_of) the one with the widest
/// interval counts: each alone is too narrow where another factor matters, and the sum of their variances, as in
/// multiway clustering, is not sure to be positive with few clusters.
[[nodiscard]] inline estimate estimate_of(std::span<row const* const> all, metric const& of) {
  auto const& how = aggregate_for(all, of);
  std::vector<row const*> rows;
  std::vector<row_sums> sums;
  row_sums together{};
  for (auto const* one : all) {
    if (!is_finite(*one, how)) continue;
    rows.push_back(one);
    sums.push_back(*sums_of(*one, how));
    for (std::size_t j = 0; j < together.size(); ++j) together[j] += sums.back()[j];
  }
  estimate found{.rows = all.size(), .not_finite = all.size() - rows.size()};
  if (rows.empty()) return found;
  found.value = how.total(together);
  auto const by = clusterings_of(rows);
  found.prompts = found.clusters = by.front().size();
  for (auto const& groups : by) {
    auto const range = interval_of(groups, sums, of, how);
    if (!range || (found.ci95 && range->high - range->low <= found.ci95->high - found.ci95->low)) continue;
    found.ci95 = range;
    found.clusters = groups.size();
  }
  return found;
}

/// The total of a metric out of rows of one model, task, setting and policy, at least one.
[[nodiscard]] inline total make_total(std::span<row const* const> rows, metric const& of) {
  auto const& first = *rows.front();
  return {.model = first.model,
          .policy = first.policy,
          .task = first.task,
          .setting = first.setting,
          .metric = of.name.empty() ? first.metric : std::string{of.name},
          .found = estimate_of(rows, of)};
}

}  // namespace headcount::v0::evaluate
