#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/paired.hpp>

namespace headcount::v0::evaluate {

/// Observations that are not independent of each other, as several seeds of one prompt: their indices, a list a
/// cluster. A prompt that is there ten times then counts as one.
using clusters = std::vector<std::vector<std::size_t>>;

/// Observations with the same name make a cluster; clusters are in the order of their first observation.
[[nodiscard]] inline clusters cluster_by_name(std::span<std::string const> names) {
  std::map<std::string, std::size_t> index_of;
  clusters found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto const [at, is_new] = index_of.try_emplace(names[i], found.size());
    if (is_new) found.emplace_back();
    found[at->second].push_back(i);
  }
  return found;
}

/// A bootstrap interval of `figure(indices)` that draws whole clusters, with repetition, as many as there are.
/// At least one cluster and one replicate.
/// Source: Davison & Hinkley 1997, section 3.8 (resampling of whole blocks); percentile interval.
template <class Figure>
[[nodiscard]] interval clustered_bootstrap(clusters const& groups, Figure const& figure, random_stream random,
                                           std::size_t replicates = 1000, double confidence = 0.95) {
  std::vector<std::size_t> indices;
  auto const figure_of = [&](std::span<std::size_t const> drawn) {
    indices.clear();
    for (auto const group : drawn) indices.insert(indices.end(), groups[group].begin(), groups[group].end());
    return figure(std::span<std::size_t const>{indices});
  };
  return bootstrap(groups.size(), figure_of, random, replicates, confidence);
}

/// clustered_bootstrap of the mean of some values, in time that does not grow with the size of clusters.
[[nodiscard]] inline interval bootstrap_mean(clusters const& groups, std::span<double const> values,
                                             random_stream random, std::size_t replicates = 1000,
                                             double confidence = 0.95) {
  struct cluster_sum {
    double sum = 0;
    double size = 0;
  };
  std::vector<cluster_sum> sums;
  for (auto const& group : groups) {
    auto& own = sums.emplace_back(cluster_sum{.size = static_cast<double>(group.size())});
    for (auto const i : group) own.sum += values[i];
  }
  auto const mean = [&](std::span<std::size_t const> drawn) {
    cluster_sum all;
    for (auto const group : drawn) {
      all.sum += sums[group].sum;
      all.size += sums[group].size;
    }
    return all.sum / all.size;
  };
  return bootstrap(groups.size(), mean, random, replicates, confidence);
}

}  // namespace headcount::v0::evaluate
