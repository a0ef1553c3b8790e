#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/clustered_mean.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/mean_interval.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

/// A mean over calibration draws and prompts, where every draw answered the same prompts.
struct crossed_mean {
  double value = 0;
  interval range{};  ///< 95% or what was asked for: holds the spread over draws and that over prompts
  std::size_t draws = 0;
  std::size_t prompts = 0;
  std::size_t clusters = 0;
  double draw_deviation = 0;     ///< standard error that the draws alone bring in
  double cluster_deviation = 0;  ///< standard error that the prompts alone bring in
};

/// The mean of `values[draw][prompt]` with an interval for other draws on other prompts. Every draw has the same
/// prompts; at least two draws and two clusters of prompts.
///
///     variance = variance over draws + variance over clusters - variance of what is neither
///
/// each as large as one of the first two at least, with Satterthwaite's degrees of freedom. A share gets Wilson's
/// interval for as many prompts as have this variance; where all answers agree, for as many as there are draws or
/// clusters, whichever are fewer. Differences of paired answers come as values, too.
/// Source: readers crossed with cases in Dorfman, Berbaum & Metz 1992 and Hillis 2007; for clusters Cameron, Gelbach &
/// Miller 2011. Throws headcount::error when there are too few, or draws differ in their prompts.
[[nodiscard]] inline crossed_mean mean_over_draws(std::span<std::vector<double> const> values, clusters const& groups,
                                                  scale const& of, double confidence = 0.95) {
  auto const draws = values.size();
  if (draws < 2 || groups.size() < 2)
    throw error{"an interval over draws", text_of(draws, " draws, ", groups.size(), " clusters of prompts"),
                "two of each or more"};
  auto const prompts = values.front().size();
  for (auto const& draw : values)
    if (draw.size() != prompts)
      throw error{"an interval over draws", text_of("draws of ", prompts, " and ", draw.size(), " prompts"),
                  "the same prompts in every draw"};

  auto const count = static_cast<double>(draws);
  crossed_mean found{.draws = draws, .prompts = prompts, .clusters = groups.size()};
  std::vector<double> of_prompt(prompts);
  std::vector<double> of_draw;
  for (auto const& draw : values) {
    double sum = 0;
    for (std::size_t i = 0; i < prompts; ++i) {
      sum += draw[i];
      of_prompt[i] += draw[i] / count;
    }
    of_draw.push_back(sum / static_cast<double>(prompts));
  }
  auto const over_prompts = clustered_mean(groups, of_prompt);
  found.value = over_prompts.mean;
  double over_draws = 0;
  for (auto const mean : of_draw) over_draws += (mean - found.value) * (mean - found.value) / (count * (count - 1));
  double neither = 0;
  auto const shares = cluster_shares(groups, prompts);
  for (std::size_t d = 0; d < draws; ++d) {
    std::vector<double> rest(prompts);
    for (std::size_t i = 0; i < prompts; ++i) rest[i] = values[d][i] - of_prompt[i];
    neither += cluster_variance(cluster_errors(groups, rest, of_draw[d] - found.value), shares) / (count * (count - 1));
  }
  auto const degrees_of_draws = count - 1;
  auto const own_draws = (std::max)(0.0, over_draws - neither);
  auto const own_prompts = (std::max)(0.0, over_prompts.variance - neither);
  found.draw_deviation = std::sqrt(own_draws);
  found.cluster_deviation = std::sqrt(own_prompts);
  auto const variance = (std::max)({over_draws + over_prompts.variance - neither, over_draws, over_prompts.variance});
  auto const squares = over_draws * over_draws / degrees_of_draws +
                       over_prompts.variance * over_prompts.variance / over_prompts.degrees +
                       neither * neither / (degrees_of_draws * over_prompts.degrees);
  auto const degrees =
      squares == 0 ? 0 : (std::max)((std::min)(degrees_of_draws, over_prompts.degrees), variance * variance / squares);
  found.range =
      mean_interval({found.value, variance, degrees}, of, prompts, (std::min)(draws, groups.size()), confidence);
  return found;
}

}  // namespace headcount::v0::evaluate
