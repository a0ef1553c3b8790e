#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// What a two-sided test is meant to do.
struct test_design {
  double level = 0.05;  ///< chance of a false alarm, in (0, 1)
  double power = 0.8;   ///< chance of seeing a difference that is there, in [0.5, 1)
};

/// The smallest true mean difference that `pairs` pairs show with the design's power, when their differences have this
/// mean square: for right and wrong answers the discordance, the share of pairs that only one of the two gets right.
///
///     difference * sqrt(n) = z_level * sqrt(mean_square) + z_power * sqrt(mean_square - difference^2)
///
/// solved for the difference; infinite when no difference would do. Normal approximation.
/// Source: Connor 1987, "Sample size for testing differences in proportions for the paired-sample design".
[[nodiscard]] inline double detectable_difference(double mean_square, std::size_t pairs, test_design design = {}) {
  boost::math::normal const standard;
  auto const n = static_cast<double>(pairs);
  auto const z_level = boost::math::quantile(standard, 1 - design.level / 2);
  auto const z_power = boost::math::quantile(standard, design.power);
  // The larger root of (n + z_power^2) x^2 - 2 z_level sqrt(n m) x + (z_level^2 - z_power^2) m = 0, x the difference.
  auto const half = z_level * std::sqrt(n * mean_square);
  auto const scale = n + z_power * z_power;
  auto const constant = (z_level * z_level - z_power * z_power) * mean_square;
  auto const radicand = half * half - scale * constant;
  return radicand < 0 ? std::numeric_limits<double>::infinity() : (half + std::sqrt(radicand)) / scale;
}

/// The fewest pairs that differ, all the same way, with which an exact paired test is significant: 2 / 2^m <= level.
[[nodiscard]] inline std::size_t fewest_differing_pairs(double level = 0.05) {
  std::size_t pairs = 1;
  for (double p = 1; p > level; p /= 2) ++pairs;
  return pairs;
}

/// The smallest true difference that right and wrong answers to `pairs` prompts can show with the design's power,
/// however they fall: even if the better policy loses no prompt, enough of them must differ. Infinite when there are
/// too few. What a sample without any differing pair, whose mean square says nothing, could have shown.
/// Source: Clopper & Pearson 1934 (the bound on a binomial share).
[[nodiscard]] inline double least_detectable_share(std::size_t pairs, test_design design = {}) {
  auto const needed = fewest_differing_pairs(design.level);
  if (pairs < needed) return std::numeric_limits<double>::infinity();
  return boost::math::binomial::find_upper_bound_on_p(static_cast<double>(pairs), static_cast<double>(needed - 1),
                                                      1 - design.power);
}

}  // namespace headcount::v0::evaluate
