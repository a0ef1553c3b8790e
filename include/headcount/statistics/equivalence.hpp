#pragma once

#include <algorithm>
#include <utility>

#include <headcount/statistics/difference.hpp>

namespace headcount::v0::evaluate {

/// p of the claim that the true difference, a's total less b's, is above `limit`: a one-sided test that asks the
/// intervals of interval_of_difference, p the least level whose interval of confidence 1 - 2 p lies above. From 1e-12
/// to 1; of several clusterings the largest. O(prompts), forty times.
/// Source: Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15 (one-sided tests by an interval).
[[nodiscard]] inline double p_of_difference_above(paired_sample const& sample, double limit) {
  auto const both = sums_of_pairs(sample);
  auto const [a, b] = totals_of(sample, sum_of(both));
  bool const is_above = a - b > limit;
  double largest = 0;
  for (auto const& groups : sample.by) {
    double excluded = 0.5;  // the least level known whose interval lies on one side of the limit
    double open = 0;
    for (int step = 0; step < 39; ++step) {
      auto const level = (open + excluded) / 2;
      auto const range = interval_of_difference(sample, both, groups, 1 - 2 * level).range;
      (is_above ? range.low > limit : range.high < limit) ? excluded = level : open = level;
    }
    largest = (std::max)(largest, is_above ? excluded : 1 - excluded);
  }
  return largest;
}

/// p of the claim that it is below `limit`.
[[nodiscard]] inline double p_of_difference_below(paired_sample sample, double limit) {
  std::swap(sample.a, sample.b);
  return p_of_difference_above(sample, -limit);
}

}  // namespace headcount::v0::evaluate
