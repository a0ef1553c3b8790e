#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/clustered_mean.hpp>

namespace headcount::v0::evaluate {

/// Some sums over each cluster.
template <std::size_t n>
[[nodiscard]] std::vector<std::array<double, n>> sums_of_clusters(clusters const& groups,
                                                                  std::span<std::array<double, n> const> of_each) {
  std::vector<std::array<double, n>> sums;
  for (auto const& group : groups) {
    auto& own = sums.emplace_back();
    for (auto const i : group)
      for (std::size_t j = 0; j < n; ++j) own[j] += of_each[i][j];
  }
  return sums;
}

/// `figure(sums)` of everything, with the variance that leaving out one cluster at a time shows; for a mean it is that
/// of clustered_mean. Infinite for a single cluster. O(clusters). Source: Tukey 1958; the weights of unequal clusters
/// are those of CR2, see cluster_variance.
template <std::size_t n, class Figure>
[[nodiscard]] mean_variance jackknife(std::span<std::array<double, n> const> of_clusters,
                                      std::span<double const> shares, Figure const& figure) {
  std::array<double, n> all{};
  for (auto const& one : of_clusters)
    for (std::size_t j = 0; j < n; ++j) all[j] += one[j];
  mean_variance found{.mean = figure(all)};
  if (of_clusters.size() < 2) {
    found.variance = std::numeric_limits<double>::infinity();
    return found;
  }
  for (std::size_t k = 0; k < of_clusters.size(); ++k) {
    auto rest = all;
    for (std::size_t j = 0; j < n; ++j) rest[j] -= of_clusters[k][j];
    auto const change = found.mean - figure(rest);
    found.variance += change * change * (1 - shares[k]);
  }
  // Rounding leaves a little where nothing varies.
  if (found.variance < 1e-24 * found.mean * found.mean) found.variance = 0;
  found.degrees = cluster_degrees(shares);
  return found;
}

}  // namespace headcount::v0::evaluate
