#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/fill.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::edit {

/// Hides tokens from attention: the weights on `positions` become 0, the others stay as they are.
/// O(positions in the row), no allocation.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861 (spelled "ommit" in its results).
struct omit {
  static constexpr std::string_view name = "omit";
  static constexpr part_about about{"hides tokens: their weights become 0", "p_j = 0 on positions",
                                    "Michalak & Abreu 2025, arXiv 2510.19861 (\"ommit\")"};

  token_positions positions;  ///< the hidden tokens

  static constexpr auto fields = field_list{leading_field("positions", &omit::positions, "the hidden tokens")};

  void operator()(std::span<float> weights, seen_keys seen) const noexcept {
    positions.for_each_in_row(seen.first, weights.size(), [&](std::size_t begin, std::size_t end) {
      fill(weights.subspan(begin, end - begin), 0.0f);
    });
  }
};

}  // namespace headcount::v0::edit
