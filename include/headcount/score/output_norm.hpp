#pragma once

#include <cmath>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::score {

/// How much a head puts out: the Euclidean norm of its output before the output projection.
///
///     score = sqrt(sum_i o_i^2)
///
/// In the unit of the values, 0 or more. Higher is kept first.
/// Reads the head's output, so every head is computed; O(dim), no allocation.
/// Source: Liu et al. 2023, arXiv 2310.17157 (Deja Vu), whose predictors learn the heads with the largest.
struct output_norm {
  static constexpr std::string_view name = "output_norm";
  static constexpr part_about about{
      "how much it puts out: the Euclidean norm of its output before the output projection", "sqrt(sum_i o_i^2)",
      "Liu et al. 2023 (Deja Vu), arXiv 2310.17157"};

  [[nodiscard]] double operator()(head_output output) const noexcept {
    return std::sqrt(row_sum(output.values, [](double value) { return value * value; }));
  }
};

}  // namespace headcount::v0::score
