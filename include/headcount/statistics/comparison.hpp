#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/clustered_share.hpp>
#include <headcount/statistics/detectable.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/jackknife.hpp>
#include <headcount/statistics/mean_interval.hpp>
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
  bool const is_share = is_mean && sample.values.right_or_wrong;
  std::vector<std::array<double, 8>> both;
  for (std::size_t i = 0; i < pairs; ++i) {
    auto& sums = both.emplace_back();
    std::ranges::copy(sample.a[i], sums.begin());
    std::ranges::copy(sample.b[i], sums.begin() + 4);
  }
  auto const totals = [&](std::array<double, 8> const& sums) {
    return std::array{sample.total.total({sums[0], sums[1], sums[2], sums[3]}),
                      sample.total.total({sums[4], sums[5], sums[6], sums[7]})};
  };
  auto const difference = [&](std::array<double, 8> const& sums) {
    auto const [a, b] = totals(sums);
    return a - b;
  };
  std::array<double, 8> all{};
  for (auto const& sums : both)
    for (std::size_t j = 0; j < all.size(); ++j) all[j] += sums[j];
  comparison found{.pairs = pairs, .mean_a = totals(all)[0], .mean_b = totals(all)[1], .p = 0};
  found.difference = found.mean_a - found.mean_b;
  scale const of_differences{.low = sample.values.low - sample.values.high,
                             .high = sample.values.high - sample.values.low};

  for (auto const& groups : sample.by) {
    auto const count = static_cast<double>(groups.size());
    auto const sums = sums_of_clusters<8>(groups, both);
    interval range{-infinity, infinity};
    double squares = 0;  // of what clusters add to the difference
    if (is_share) {
      std::vector<paired_answers> answers;
      for (auto const& group : groups) {
        auto& own = answers.emplace_back(paired_answers{.n = group.size()});
        for (auto const i : group) {
          own.only_a += sample.a[i][0] > sample.b[i][0] ? 1u : 0u;
          own.only_b += sample.a[i][0] < sample.b[i][0] ? 1u : 0u;
        }
      }
      range = paired_share_interval(answers, plan.confidence);
    } else {
      auto const of = jackknife<8>(sums, cluster_shares(groups, pairs), difference);
      range = mean_interval(of, of_differences, pairs, groups.size(), plan.confidence);
      squares = std::isfinite(of.variance) ? of.variance : 0;
    }
    permutation_test tested;
    std::string_view test = "exact McNemar test";
    random_stream const random{plan.seed};
    if (is_share && groups.size() == pairs) {
      outcomes a, b;
      for (std::size_t i = 0; i < pairs; ++i) a.push_back(sample.a[i][0] > 0), b.push_back(sample.b[i][0] > 0);
      tested.p = mcnemar(a, b);
    } else if (is_mean) {
      std::vector<double> differences;
      for (auto const& own : sums) differences.push_back(own[0] - own[4]);
      tested = sign_flip_test(differences, random, plan.replicates);
    } else {
      std::vector<row_sums> a, b;
      for (auto const& own : sums) {
        a.push_back({own[0], own[1], own[2], own[3]});
        b.push_back({own[4], own[5], own[6], own[7]});
      }
      tested = swap_test<4>(a, b, sample.total.total, random, plan.replicates);
    }
    if (!(is_share && groups.size() == pairs))
      test = tested.exact ? "exact paired permutation test" : "paired permutation test";
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
