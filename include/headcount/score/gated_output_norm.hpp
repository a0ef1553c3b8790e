#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::score {

/// How much of a head passes its gate: the Euclidean norm of its output times its output gate, which the output
/// projection is given.
///
///     score = sqrt(sum_i (o_i sigmoid(g_i))^2)
///
/// In the unit of the values, 0 or more; NaN without gates. Higher is kept first.
/// Reads outputs and gates, so every head is computed; O(dim) a head, no allocation.
/// Source: own; `output_norm` of Liu et al. 2023, arXiv 2310.17157, behind the gates of Qiu et al. 2025, arXiv
/// 2505.06708.
struct gated_output_norm {
  static constexpr std::string_view name = "gated_output_norm";
  static constexpr part_about about{"how much of it passes its output gate: the Euclidean norm of their product",
                                    "sqrt(sum_i (o_i sigmoid(g_i))^2)",
                                    "own; gates of Qiu et al. 2025, arXiv 2505.06708"};

  [[nodiscard]] static constexpr reading_set reads() noexcept {
    return reading_set{reading::output} | reading_set{reading::gate};
  }
  [[nodiscard]] static constexpr std::size_t state_size() noexcept { return 0; }

  void operator()(site const&, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    for (std::size_t head = 0; head < scores.size(); ++head) {
      auto const output = tensors.outputs(head).values;
      auto const open = tensors.gates(head).values;
      double sum = open.empty() ? std::numeric_limits<double>::quiet_NaN() : 0;
      for (std::size_t i = 0; i < open.size(); ++i) {
        auto const passed = static_cast<double>(output[i]) * static_cast<double>(open[i]);
        sum += passed * passed;
      }
      scores[head] = std::sqrt(sum);
    }
  }
};

}  // namespace headcount::v0::score
