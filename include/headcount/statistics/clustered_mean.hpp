#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/statistics/cluster.hpp>

namespace headcount::v0::evaluate {

/// A mean, its variance over clusters, and how many degrees of freedom the variance is known with.
struct mean_variance {
  double mean = 0;
  double variance = 0;
  double degrees = 0;  ///< none of a single cluster, whose variance is infinite
};

/// What each cluster adds to the error of a mean over `n` observations: (sum of values - mean * size) / n.
[[nodiscard]] inline std::vector<double> cluster_errors(clusters const& groups, std::span<double const> values,
                                                        double mean) {
  std::vector<double> errors;
  for (auto const& group : groups) {
    double sum = 0;
    for (auto const i : group) sum += values[i] - mean;
    errors.push_back(sum / static_cast<double>(values.size()));
  }
  return errors;
}

/// The degrees of freedom of cluster_variance, Satterthwaite's for clusters whose members all agree, the fewest: the
/// number of clusters less one when they are equally large, fewer when they are not. `shares` are the clusters' shares
/// of all observations, two or more.
/// Source: Bell & McCaffrey 2002; Imbens & Kolesar 2016, equation 11.
[[nodiscard]] inline double cluster_degrees(std::span<double const> shares) {
  // With a = 1 / (1 - w), the variance is sum a_k r_k^2, and r_k = w_k (x_k - sum w x) for independent x_k: the trace
  // of its matrix, squared, over the sum of the squares of the entries.
  double q = 0;
  for (auto const w : shares) q += w * w;
  double trace = 0;
  double squares = 0;
  double moment[3]{};  // sum of a w^2, a w^3, a w^4
  for (auto const w : shares) {
    auto const a = 1 / (1 - w);
    auto const shared = w * w * (q - 2 * w);  // what the mean takes away on the diagonal
    auto const own = w * w + shared;
    trace += a * own;
    squares += a * a * (own * own - shared * shared);
    for (double power = w * w; auto& sum : moment) {
      sum += a * power;
      power *= w;
    }
  }
  squares += q * q * moment[0] * moment[0] - 4 * q * moment[0] * moment[1] +
             2 * (moment[0] * moment[2] + moment[1] * moment[1]);
  return trace * trace / squares;
}

/// The variance of a mean from its clusters' errors, each made larger for what the mean has learned of it (CR2).
[[nodiscard]] inline double cluster_variance(std::span<double const> errors, std::span<double const> shares) {
  double sum = 0;
  for (std::size_t k = 0; k < errors.size(); ++k) sum += errors[k] * errors[k] / (1 - shares[k]);
  return sum;
}

/// The clusters' shares of `n` observations.
[[nodiscard]] inline std::vector<double> cluster_shares(clusters const& groups, std::size_t n) {
  std::vector<double> shares;
  for (auto const& group : groups) shares.push_back(static_cast<double>(group.size()) / static_cast<double>(n));
  return shares;
}

/// The mean of values, at least one, each in one cluster; clusters are independent of each other. O(values).
[[nodiscard]] inline mean_variance clustered_mean(clusters const& groups, std::span<double const> values) {
  mean_variance found;
  for (auto const value : values) found.mean += value / static_cast<double>(values.size());
  if (groups.size() < 2) {
    found.variance = std::numeric_limits<double>::infinity();
    return found;
  }
  auto const shares = cluster_shares(groups, values.size());
  found.variance = cluster_variance(cluster_errors(groups, values, found.mean), shares);
  found.degrees = cluster_degrees(shares);
  return found;
}

}  // namespace headcount::v0::evaluate
