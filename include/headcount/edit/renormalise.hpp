#pragma once

#include <span>
#include <string_view>

#include <headcount/core/row_sum.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::edit {

/// Makes rows sum to 1 again after other edits: every weight is divided by the row's sum. A row without any weight left
/// stays so. O(keys), no allocation.
/// Source: own; the published edits (Michalak & Abreu 2025, arXiv 2510.19861) do without.
struct renormalise {
  static constexpr std::string_view name = "renormalise";
  static constexpr part_about about{"makes the row sum to 1 again", "p_j / sum_i p_i", "own"};

  void operator()(std::span<float> weights, seen_keys) const noexcept {
    double const sum = row_sum(weights, [](float weight) { return weight; });
    if (sum == 0) return;
    for (auto& weight : weights) weight = static_cast<float>(static_cast<double>(weight) / sum);
  }
};

}  // namespace headcount::v0::edit
