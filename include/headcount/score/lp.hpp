#pragma once

#include <cmath>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/max.hpp>

namespace headcount::v0::score {

/// How concentrated a head's attention is, by any norm of its row of weights.
///
///     score = (sum_j p_j^p)^(1/p)
///
/// Without unit; an empty row scores 0. For p > 1 from keys^(1/p - 1) (uniform) to 1 (one key): the larger p, the more
/// the largest weights count (`l2` is lp(2), `max` its limit). lp(1), the l1 norm, is the row's whole mass: 1, or less
/// under attention sinks. For p < 1 a row scores the higher the more keys it spreads over. Higher is kept first.
/// Reads the attention row twice; O(keys), no allocation.
/// Source: own, after the metric "l2" of Michalak & Abreu 2025, arXiv 2510.19861.
struct lp {
  static constexpr std::string_view name = "lp";
  static constexpr part_about about{
      "how concentrated its attention is: the p-norm of its row; lp(1) is the mass of the row", "(sum_j p_j^p)^(1/p)",
      "own, after l2"};

  double p = 2;  ///< the power; 0.1 to 100

  static constexpr auto fields = field_list{leading_field("p", &lp::p, "the power of the norm", {0.1, 100.0})};

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    double const largest = max{}(weights);
    if (largest == 0) return 0;
    auto const powers = row_sum(weights, [&](double weight) { return std::pow(weight / largest, p); });
    return largest * std::pow(powers, 1 / p);
  }
};

}  // namespace headcount::v0::score
