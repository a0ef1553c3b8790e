#pragma once

#include <array>
#include <string_view>

#include <headcount/core/token_positions.hpp>
#include <headcount/core/words.hpp>
#include <headcount/edit/edit.hpp>

namespace headcount::v0::edit {

/// What becomes of a row whose sliding window has dropped every position that an edit names.
enum class window_rule : unsigned char {
  strict,    ///< the edit is done all the same: nothing of what it would leave is left
  published  ///< while generating, the row is left as it is, as in the code of Michalak & Abreu 2025
};

/// Whether an edit leaves a row as it is, because its rule says so.
[[nodiscard]] inline bool leaves_alone(window_rule rule, token_positions const& positions, seen_keys seen) noexcept {
  return rule == window_rule::published && seen.phase == phase::generation && !positions.empty() &&
         (positions.end() - 1)->last < seen.first;
}

}  // namespace headcount::v0::edit

namespace headcount::v0 {

template <>
inline constexpr std::array<std::string_view, 2> words_of<edit::window_rule>{"strict", "published"};

}  // namespace headcount::v0
