#pragma once

#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::score {

/// How far a model opens a head itself, where its attention has output gates (Qwen3-Next, Qwen3.5): their mean.
///
///     score = 1/dim sum_i sigmoid(g_i),   g = the head's part of gate_projection * input
///
/// A share in (0, 1); NaN without gates. Higher is kept first.
/// Reads gates, which need the block's input alone: heads are chosen before any key is read; O(dim), no allocation.
/// Source: own; the gates are those of Qiu et al. 2025, arXiv 2505.06708.
struct gate {
  static constexpr std::string_view name = "gate";
  static constexpr part_about about{"how far the model opens it itself: the mean of its output gate",
                                    "1/d sum_i sigmoid(g_i)", "own; gates of Qiu et al. 2025, arXiv 2505.06708"};

  [[nodiscard]] double operator()(head_gate open) const noexcept {
    return row_sum(open.values, [](double value) { return value; }) / static_cast<double>(open.values.size());
  }
};

}  // namespace headcount::v0::score
