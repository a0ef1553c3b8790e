#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <headcount/core/ranking.hpp>
#include <headcount/ranking/bridge.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/clustered_mean.hpp>
#include <headcount/statistics/crossed.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/mean_interval.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

/// A mean over prompts, and over draws of the calibration where there are several.
struct bridge_figure {
  double value = 0;
  interval ci95{};  ///< for other prompts and other draws
  std::size_t prompts = 0;
  std::size_t clusters = 0;  ///< of prompts that share something
  std::size_t draws = 1;     ///< 1 where nothing is calibrated
  double least = 0;          ///< the mean of the lowest draw
  double most = 0;           ///< and of the highest
};

/// The mean of `values[draw][prompt]`. With several draws the interval is mean_over_draws', which holds the spread over
/// both; with one it is over clusters of prompts alone.
[[nodiscard]] inline bridge_figure figure_of(std::span<std::vector<double> const> values, clusters const& groups,
                                             scale const& of) {
  bridge_figure found{.prompts = values.front().size(), .clusters = groups.size(), .draws = values.size()};
  found.least = std::numeric_limits<double>::infinity();
  found.most = -found.least;
  for (auto const& draw : values) {
    auto const mean = clustered_mean(groups, draw).mean;
    found.least = (std::min)(found.least, mean);
    found.most = (std::max)(found.most, mean);
  }
  if (values.size() > 1) {
    auto const over = mean_over_draws(values, groups, of);
    found.value = over.value;
    found.ci95 = over.range;
  } else {
    auto const mean = clustered_mean(groups, values.front());
    found.value = mean.mean;
    found.ci95 = mean_interval(mean, of, found.prompts, found.clusters);
  }
  return found;
}

/// What an entry loses against the oracle with the same k, prompt by prompt and draw by draw; empty for those without
/// (dense, none).
[[nodiscard]] inline std::vector<std::vector<double>> regret_of(bridge const& all, bridge_entry const& entry) {
  auto const oracle = std::ranges::find_if(all.entries, [&](bridge_entry const& other) {
    return other.method == "entropy" && other.budget == "layer" && other.k == entry.k;
  });
  if (oracle == all.entries.end()) return {};
  auto regret = entry.values;
  for (auto& draw : regret)
    for (std::size_t i = 0; i < draw.size(); ++i) draw[i] = oracle->values.front()[i] - draw[i];
  return regret;
}

/// How alike two methods rank, by `measure(a, b)` of two rankings: the mean over draws; of a method and itself over all
/// pairs of draws, which says how much depends on the draw. NaN where there is no order, or one draw alone.
template <class Measure>
[[nodiscard]] double mean_agreement(bridge_ranking const& a, bridge_ranking const& b, Measure const& measure) {
  double sum = 0;
  std::size_t pairs = 0;
  auto const add = [&](ranking const& one, ranking const& other) {
    sum += measure(one, other);
    ++pairs;
  };
  if (&a == &b) {
    for (std::size_t i = 0; i < a.draws.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) add(a.draws[j], a.draws[i]);
  } else {
    for (std::size_t draw = 0; draw < (std::max)(a.draws.size(), b.draws.size()); ++draw)
      add(a.draws[(std::min)(draw, a.draws.size() - 1)], b.draws[(std::min)(draw, b.draws.size() - 1)]);
  }
  return sum / static_cast<double>(pairs);
}

}  // namespace headcount::v0::evaluate
