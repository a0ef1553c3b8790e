#pragma once

#include <cmath>
#include <cstddef>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::score {

/// How much a head adds to the block's output: the Euclidean norm of its output after its columns of the output
/// projection.
///
///     score = sqrt(sum_i c_i^2),    c = projection * output
///
/// In the unit of the residual stream, 0 or more. Higher is kept first. Unlike `output_norm` it does not change when a
/// model's values are scaled and its projection scaled back.
/// Reads the head's output and its columns, `[width, dim]`; O(width * dim) a head, the work of the projection itself;
/// no allocation. Source: own; the output-aware weight of CriticalKV (arXiv 2502.03805) for whole heads.
struct contribution_norm {
  static constexpr std::string_view name = "contribution_norm";
  static constexpr part_about about{
      "how much it adds to the residual stream: the Euclidean norm of its output after its columns of the projection",
      "|projection o|_2", "own, after CriticalKV, arXiv 2502.03805"};

  [[nodiscard]] double operator()(head_contribution head) const noexcept {
    double squares = 0;
    for (std::size_t out = 0; out < head.projection.extent(0); ++out) {
      double sum = 0;
      for (std::size_t i = 0; i < head.output.size(); ++i)
        sum += static_cast<double>(head.projection(out, i)) * static_cast<double>(head.output[i]);
      squares += sum * sum;
    }
    return std::sqrt(squares);
  }
};

}  // namespace headcount::v0::score
