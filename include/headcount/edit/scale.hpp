#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/token_positions.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::edit {

/// Turns the exposure of tokens like a dial: the weights on `positions` are multiplied by `factor`, the others stay as
/// they are. A factor of 0 is omit, 1 changes nothing. Followed by renormalise it adds ln(factor) to the tokens'
/// logits. O(positions in the row), no allocation. Source: own; the graded form of omit (Michalak & Abreu 2025, arXiv
/// 2510.19861).
struct scale {
  static constexpr std::string_view name = "scale";
  static constexpr part_about about{"multiplies the weights on these tokens", "p_j factor on positions", "own"};

  token_positions positions;  ///< the tokens whose weights change
  double factor = 0.5;        ///< what their weights are multiplied by, 0 to 1e6

  static constexpr auto fields =
      field_list{leading_field("positions", &scale::positions, "the tokens whose weights change"),
                 leading_field("factor", &scale::factor, "what their weights are multiplied by", {0.0, 1e6})};

  void operator()(std::span<float> weights, seen_keys seen) const noexcept {
    auto const by = static_cast<float>(factor);
    positions.for_each_in_row(seen.first, weights.size(), [&](std::size_t begin, std::size_t end) {
      for (auto& weight : weights.subspan(begin, end - begin)) weight *= by;
    });
  }
};

}  // namespace headcount::v0::edit
