#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/detectable.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/statistics/sign_flip.hpp>

namespace headcount::v0::evaluate {

/// How values are compared.
struct comparison_plan {
  std::uint64_t seed = 0;  ///< of the bootstrap and, for many prompts, the permutations
  std::size_t replicates = 10000;
  double confidence = 0.95;
  test_design design{};
};

/// Two policies on the same prompts.
struct comparison {
  std::size_t pairs = 0;
  std::size_t clusters = 0;
  double mean_a = 0;
  double mean_b = 0;
  double difference = 0;  ///< mean_a - mean_b
  interval range{};       ///< bootstrap interval of the difference
  double p = 1;
  std::string_view test{};         ///< how p was computed, in words
  double smallest_detectable = 0;  ///< see detectable_difference; infinite when no difference could have been shown
};

/// Compares two policies by their values on the same prompts, in the same order; at least one. Clusters are independent
/// of each other. Answers that are right or wrong, a cluster each, get McNemar's test, which is the permutation test of
/// such answers; anything else the paired permutation test.
[[nodiscard]] inline comparison compare(std::span<double const> a, std::span<double const> b, clusters const& groups,
                                        comparison_plan const& plan = {}) {
  auto const n = static_cast<double>(a.size());
  auto const mean = [&](std::span<double const> values) {
    double sum = 0;
    for (auto const value : values) sum += value;
    return sum / n;
  };
  comparison found{.pairs = a.size(), .clusters = groups.size(), .mean_a = mean(a), .mean_b = mean(b)};
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  std::vector<double> sums;  // of the differences of each cluster
  double squares = 0;
  for (auto const& group : groups) {
    double sum = 0;
    for (auto const i : group) sum += differences[i];
    sums.push_back(sum);
    found.difference += sum / n;
    squares += sum * sum;
  }
  random_stream const random{plan.seed};
  found.range = bootstrap_mean(groups, differences, random, plan.replicates, plan.confidence);

  auto const are_all = [&](auto const& condition) {
    return std::ranges::all_of(a, condition) && std::ranges::all_of(b, condition);
  };
  bool const right_or_wrong =
      groups.size() == a.size() && are_all([](double value) { return value == 0 || value == 1; });
  if (right_or_wrong) {
    found.p = mcnemar({a.begin(), a.end()}, {b.begin(), b.end()});
    found.test = "exact McNemar test";
  } else {
    auto const tested = sign_flip_test(sums, random, plan.replicates);
    found.p = tested.p;
    found.test = tested.exact ? "exact paired permutation test" : "paired permutation test";
  }

  // A cluster counts by its share of all pairs, so its difference is its sum over the mean size of a cluster.
  auto const count = static_cast<double>(groups.size());
  found.smallest_detectable = detectable_difference(squares * count / (n * n), groups.size(), plan.design);
  bool const within_0_and_1 = are_all([](double value) { return value >= 0 && value <= 1; });
  if (within_0_and_1)
    found.smallest_detectable = std::max(found.smallest_detectable, least_detectable_share(groups.size(), plan.design));
  else if (squares == 0 || groups.size() < fewest_differing_pairs(plan.design.level))
    found.smallest_detectable = std::numeric_limits<double>::infinity();
  return found;
}

}  // namespace headcount::v0::evaluate
