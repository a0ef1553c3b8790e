#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <boost/math/distributions/normal.hpp>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// A range that holds the true value with a stated confidence.
struct interval {
  double low = 0;
  double high = 0;
};

/// A share and its interval, from `hits` of `n` independent trials.
struct share {
  std::size_t hits = 0;
  std::size_t n = 0;

  [[nodiscard]] double value() const noexcept {
    return n == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(n);
  }
};

/// Wilson's interval of a share among `n` answers, which need not be whole, `z` standard errors to either side:
/// sensible at 0 and 1, where the usual one has no width. Source: Wilson 1927, "Probable inference", equation 14.
[[nodiscard]] inline interval wilson(double share, double n, double z) {
  auto const middle = share + z * z / (2 * n);
  auto const half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  auto const scale = 1 + z * z / n;
  return {std::clamp((middle - half) / scale, 0.0, share), std::clamp((middle + half) / scale, share, 1.0)};
}

/// Of independent answers; confidence in (0, 1).
[[nodiscard]] inline interval wilson(share observed, double confidence = 0.95) {
  if (observed.n == 0) return {0, 1};
  return wilson(observed.value(), static_cast<double>(observed.n),
                boost::math::quantile(boost::math::normal{}, (1 + confidence) / 2));
}

/// The middle `confidence` of a sample, by the nearest-rank rule; it is not empty and is sorted here. For
/// bootstrap replicates.
[[nodiscard]] inline interval percentile_interval(std::span<double> sample, double confidence = 0.95) {
  std::ranges::sort(sample);
  auto const at = [&](double share_below) {
    // A rank that is whole but for the rounding of 0.025 and the like is whole.
    auto const rank = std::ceil(share_below * static_cast<double>(sample.size()) - 1e-9);
    return sample[static_cast<std::size_t>(std::clamp(rank - 1, 0.0, static_cast<double>(sample.size() - 1)))];
  };
  return {at((1 - confidence) / 2), at((1 + confidence) / 2)};
}

}  // namespace headcount::v0::evaluate
