#pragma once

#include <cmath>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::score {

/// How sparse a head's attention is: Hoyer's measure of its row of weights over n visible keys.
///
///     score = (sqrt(n) - l1 / l2) / (sqrt(n) - 1),    l1 = sum_j p_j,  l2 = sqrt(sum_j p_j^2)
///
/// Without unit, from 0 (uniform) to 1 (one-hot), whatever the number of keys; scaling a row changes nothing. A row of
/// one key is one-hot and scores 1; an empty row, or one without any weight, scores 0. Higher is kept first.
/// Reads the attention row once; O(keys), no allocation.
/// Source: Hoyer 2004, "Non-negative matrix factorization with sparseness constraints", section 3.1.
struct hoyer {
  static constexpr std::string_view name = "hoyer";
  static constexpr part_about about{
      "how sparse its attention is, from 0 (uniform) to 1 (one key) however many keys are visible",
      "(sqrt(n) - l1 / l2) / (sqrt(n) - 1)", "Hoyer 2004, section 3.1"};

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    double const squares = row_sum(weights, [](double p) { return p * p; });
    if (squares == 0) return 0;
    double const ratio = row_sum(weights, [](double p) { return p; }) / std::sqrt(squares);
    auto const keys = std::ranges::size(weights);
    double const widest = std::sqrt(static_cast<double>(keys));
    return keys == 1 ? ratio : (widest - ratio) / (widest - 1);
  }
};

}  // namespace headcount::v0::score
