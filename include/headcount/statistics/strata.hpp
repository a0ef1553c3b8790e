#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/interval.hpp>

namespace headcount::v0::evaluate {

/// A bootstrap interval of the mean of several figures, each of a sample of its own and counting alike:
/// `figure(stratum, indices)`. Each sample's clusters are drawn with repetition, as many as it has; samples are not
/// mixed. At least one sample, of at least one cluster each.
/// Source: Davison & Hinkley 1997, section 3.2 (several samples); percentile interval.
template <class Figure>
[[nodiscard]] interval stratified_bootstrap(std::span<clusters const> strata, Figure const& figure,
                                            random_stream random, std::size_t replicates = 1000,
                                            double confidence = 0.95) {
  std::vector<double> values;
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < replicates; ++i) {
    double sum = 0;
    for (std::size_t stratum = 0; stratum < strata.size(); ++stratum) {
      auto const& groups = strata[stratum];
      indices.clear();
      for (std::size_t drawn = 0; drawn < groups.size(); ++drawn) {
        auto const& group = groups[random.below(groups.size())];
        indices.insert(indices.end(), group.begin(), group.end());
      }
      sum += figure(stratum, std::span<std::size_t const>{indices});
    }
    values.push_back(sum / static_cast<double>(strata.size()));
  }
  return percentile_interval(values, confidence);
}

}  // namespace headcount::v0::evaluate
