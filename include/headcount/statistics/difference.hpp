#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/clustered_share.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/jackknife.hpp>
#include <headcount/statistics/mean_interval.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

/// Answers of two policies to the same prompts, in the same order, as sums that a total is computed from.
struct paired_sample {
  std::vector<row_sums> a{};
  std::vector<row_sums> b{};
  aggregate total = mean_of_rows;
  scale values = real_scale;
  std::vector<clusters> by{};  ///< what prompts share, one clustering or more; each has every prompt once
};

/// Values whose mean is compared.
[[nodiscard]] inline paired_sample paired_means(std::span<double const> a, std::span<double const> b,
                                                scale const& values, clusters groups) {
  paired_sample made{.values = values, .by = {std::move(groups)}};
  for (auto const value : a) made.a.push_back({value, 1});
  for (auto const value : b) made.b.push_back({value, 1});
  return made;
}

/// The sums of policy a, then those of policy b, of a prompt or of several.
using paired_sums = std::array<double, 8>;

/// The sums of each prompt.
[[nodiscard]] inline std::vector<paired_sums> sums_of_pairs(paired_sample const& sample) {
  std::vector<paired_sums> both;
  for (std::size_t i = 0; i < sample.a.size(); ++i) {
    auto& sums = both.emplace_back();
    std::ranges::copy(sample.a[i], sums.begin());
    std::ranges::copy(sample.b[i], sums.begin() + 4);
  }
  return both;
}

/// The sums of all.
[[nodiscard]] inline paired_sums sum_of(std::span<paired_sums const> both) {
  paired_sums all{};
  for (auto const& sums : both)
    for (std::size_t j = 0; j < all.size(); ++j) all[j] += sums[j];
  return all;
}

/// The totals of both policies.
[[nodiscard]] inline std::array<double, 2> totals_of(paired_sample const& sample, paired_sums const& sums) {
  return {sample.total.total({sums[0], sums[1], sums[2], sums[3]}),
          sample.total.total({sums[4], sums[5], sums[6], sums[7]})};
}

/// Whether a sample's totals are shares of right answers.
[[nodiscard]] inline bool is_share(paired_sample const& sample) {
  return sample.total == mean_of_rows && sample.values.right_or_wrong;
}

/// Where the true difference of two totals lies, a's less b's.
struct difference_interval {
  interval range{};
  double variance = 0;  ///< of the difference, by the jackknife; 0 for shares and where it is not finite
};

/// The interval where these clusters are independent: paired_share_interval for right and wrong answers, the clustered
/// jackknife's for anything else. `both` are the sums_of_pairs. O(prompts).
[[nodiscard]] inline difference_interval interval_of_difference(paired_sample const& sample,
                                                                std::span<paired_sums const> both,
                                                                clusters const& groups, double confidence) {
  if (is_share(sample)) {
    std::vector<paired_answers> answers;
    for (auto const& group : groups) {
      auto& own = answers.emplace_back(paired_answers{.n = group.size()});
      for (auto const i : group) {
        own.only_a += both[i][0] > both[i][4] ? 1u : 0u;
        own.only_b += both[i][0] < both[i][4] ? 1u : 0u;
      }
    }
    return {paired_share_interval(answers, confidence)};
  }
  auto const of = jackknife<8>(sums_of_clusters<8>(groups, both), cluster_shares(groups, both.size()),
                               [&](paired_sums const& sums) {
                                 auto const [a, b] = totals_of(sample, sums);
                                 return a - b;
                               });
  scale const of_differences{.low = sample.values.low - sample.values.high,
                             .high = sample.values.high - sample.values.low};
  return {mean_interval(of, of_differences, both.size(), groups.size(), confidence),
          std::isfinite(of.variance) ? of.variance : 0};
}

}  // namespace headcount::v0::evaluate
