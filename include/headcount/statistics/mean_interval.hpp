#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>

#include <headcount/statistics/clustered_mean.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/metric.hpp>

namespace headcount::v0::evaluate {

/// How many standard errors an interval reaches to either side: Student's quantile, the normal one for no degrees of
/// freedom, which stand for a variance that is known.
[[nodiscard]] inline double quantile_of(double degrees, double confidence = 0.95) {
  auto const share = (1 + confidence) / 2;
  if (degrees <= 0) return boost::math::quantile(boost::math::normal{}, share);
  return boost::math::quantile(boost::math::students_t{degrees}, share);
}

/// The interval of a mean from its estimated variance: Student's, cut at the bounds of the scale. A share gets Wilson's
/// for as many independent answers as would have this variance, at most `n`, and for `agreeing` where the variance is
/// 0, as all answers agree. Unbounded when the variance is. Source: Dean & Pagano 2015, Survey Methodology 41, and
/// Franco et al. 2019, J. Survey Statistics and Methodology 7 (Wilson's interval with the effective sample size).
[[nodiscard]] inline interval mean_interval(mean_variance const& of, scale const& values, std::size_t n,
                                            std::size_t agreeing, double confidence = 0.95) {
  if (values.right_or_wrong) {
    if (of.variance == 0) return wilson(of.mean, static_cast<double>(agreeing), quantile_of(0, confidence));
    auto const independent = of.mean * (1 - of.mean) / of.variance;
    return wilson(of.mean, std::clamp(independent, 1.0, static_cast<double>(n)), quantile_of(of.degrees, confidence));
  }
  if (of.variance == 0) return {of.mean, of.mean};
  if (of.degrees <= 0) return {values.low, values.high};
  auto const half = quantile_of(of.degrees, confidence) * std::sqrt(of.variance);
  return {(std::max)(of.mean - half, values.low), (std::min)(of.mean + half, values.high)};
}

}  // namespace headcount::v0::evaluate
