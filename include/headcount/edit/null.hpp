#pragma once

#include <span>
#include <string_view>

#include <headcount/core/fill.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/edit/window_rule.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::edit {

/// Takes all of attention away: every weight becomes 0, on every token.
/// `positions` may be given, as the published runs give them; they matter under window=published alone, where a row
/// that has lost them all stays as it is. O(keys), no allocation.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861.
struct null {
  static constexpr std::string_view name = "null";
  static constexpr part_about about{"takes all of attention away: every weight becomes 0", "p_j = 0",
                                    "Michalak & Abreu 2025, arXiv 2510.19861"};

  token_positions positions;                 ///< without effect, but for `window`
  window_rule window = window_rule::strict;  ///< what becomes of a row that has lost the positions

  static constexpr auto fields =
      field_list{optional_leading_field("positions", &null::positions, "without effect, but for window"),
                 named_field("window", &null::window, "what becomes of a row that has lost the positions")};

  void operator()(std::span<float> weights, seen_keys seen) const noexcept {
    if (!leaves_alone(window, positions, seen)) fill(weights, 0.0f);
  }
};

}  // namespace headcount::v0::edit
