#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/detectable.hpp>
#include <headcount/statistics/difference.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/jackknife.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/statistics/sign_flip.hpp>

namespace headcount::v0::evaluate {

/// How values are compared.
struct comparison_plan {
  std::uint64_t seed = 0;  ///< of the permutations, where there are too many to count all
  std::size_t replicates = 10000;
  double confidence = 0.95;
  test_design design{};
};

/// Two policies on the same prompts.
struct comparison {
  std::size_t pairs = 0;
  std::size_t clusters = 0;  ///< of the clustering whose interval is the widest
  double mean_a = 0;         ///< the totals, which most often are means
  double mean_b = 0;
  double difference = 0;  ///< mean_a - mean_b
  interval range{};       ///< of the difference
  double p = 1;
  std::string_view test{};         ///< how p was computed, in words
  double smallest_detectable = 0;  ///< see detectable_difference; infinite when no difference could have been shown
};

/// Compares two policies by their answers to the same prompts, at least one. Of several clusterings the widest interval
/// and the largest p count, which is right for the one that matters and cautious for the others. Right and wrong
/// answers get paired_share_interval and, a cluster each, McNemar's test, which is the permutation test of such
/// answers; anything else the clustered jackknife and the paired permutation test of clusters.
[[nodiscard]] inline comparison compare(paired_sample const& sample, comparison_plan const& plan = {}) {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  auto const pairs = sample.a.size();
  auto const n = static_cast<double>(pairs);
  bool const is_mean = sample.total == mean_of_rows;
  auto const both = sums_of_pairs(sample);
  auto const [a, b] = totals_of(sample, sum_of(both));
  comparison found{.pairs = pairs, .mean_a = a, .mean_b = b, .difference = a - b, .p = 0};

  for (auto const& groups : sample.by) {
    auto const count = static_cast<double>(groups.size());
    auto const sums = sums_of_clusters<8>(groups, both);
    auto [range, squares] = interval_of_difference(sample, both, groups, plan.confidence);
    bool const each_alone = is_share(sample) && groups.size() == pairs;
    permutation_test tested;
    std::string_view test = "exact McNemar test";
    random_stream const random{plan.seed};
    if (each_alone) {
      outcomes of_a, of_b;
      for (auto const& own : both) of_a.push_back(own[0] > 0), of_b.push_back(own[4] > 0);
      tested.p = mcnemar(of_a, of_b);
    } else if (is_mean) {
      std::vector<double> differences;
      for (auto const& own : sums) differences.push_back(own[0] - own[4]);
      tested = sign_flip_test(differences, random, plan.replicates);
    } else {
      std::vector<row_sums> of_a, of_b;
      for (auto const& own : sums) {
        of_a.push_back({own[0], own[1], own[2], own[3]});
        of_b.push_back({own[4], own[5], own[6], own[7]});
      }
      tested = swap_test<4>(of_a, of_b, sample.total.total, random, plan.replicates);
    }
    if (!each_alone) test = tested.exact ? "exact paired permutation test" : "paired permutation test";
    if (tested.p >= found.p) {
      found.p = tested.p;
      found.test = test;
    }
    // A cluster counts by its share of all pairs, so its difference is its sum over the mean size of a cluster.
    if (is_mean) {
      squares = 0;
      for (auto const& own : sums) squares += (own[0] - own[4]) * (own[0] - own[4]) / (n * n);
    }
    auto detectable = detectable_difference(squares * count, groups.size(), plan.design);
    if (is_mean && sample.values.low >= 0 && sample.values.high <= 1)
      detectable = (std::max)(detectable, least_detectable_share(groups.size(), plan.design));
    else if (squares == 0 || groups.size() < fewest_differing_pairs(plan.design.level)) detectable = infinity;
    found.smallest_detectable = (std::max)(found.smallest_detectable, detectable);
    if (found.clusters == 0 || range.high - range.low > found.range.high - found.range.low) {
      found.range = range;
      found.clusters = groups.size();
    }
  }
  return found;
}

}  // namespace headcount::v0::evaluate
