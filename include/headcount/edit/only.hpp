#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/fill.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/edit/window_rule.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::edit {

/// Shows attention these tokens alone: every weight but those on `positions` becomes 0.
/// O(keys), no allocation.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861.
struct only {
  static constexpr std::string_view name = "only";
  static constexpr part_about about{"shows these tokens alone: all other weights become 0", "p_j = 0 elsewhere",
                                    "Michalak & Abreu 2025, arXiv 2510.19861"};

  token_positions positions;                 ///< the tokens that stay visible
  window_rule window = window_rule::strict;  ///< what becomes of a row that has lost them all

  static constexpr auto fields =
      field_list{leading_field("positions", &only::positions, "the tokens that stay visible"),
                 named_field("window", &only::window, "what becomes of a row that has lost them all")};

  void operator()(std::span<float> weights, seen_keys seen) const noexcept {
    if (leaves_alone(window, positions, seen)) return;
    std::size_t done = 0;
    positions.for_each_in_row(seen.first, weights.size(), [&](std::size_t begin, std::size_t end) {
      fill(weights.subspan(done, begin - done), 0.0f);
      done = end;
    });
    fill(weights.subspan(done), 0.0f);
  }
};

}  // namespace headcount::v0::edit
