#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// How much of a word is compared.
inline constexpr std::size_t longest_compared_name = 31;

/// How many characters must be added, removed or changed to make one word of another: the Levenshtein distance. Words
/// are cut off at 31 characters. O(a * b). Source: Levenshtein 1966.
[[nodiscard]] constexpr std::size_t edit_distance(std::string_view a, std::string_view b) noexcept {
  a = a.substr(0, longest_compared_name);
  b = b.substr(0, longest_compared_name);
  std::array<std::size_t, longest_compared_name + 1> row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t above_left = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto const above = row[j];
      row[j] = (std::min)({above + 1, row[j - 1] + 1, above_left + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      above_left = above;
    }
  }
  return row[b.size()];
}

/// The known name that somebody probably meant: the nearest one, the first of equals, if no more than a third of the
/// word is wrong; empty when there is none.
[[nodiscard]] constexpr std::string_view nearest_name(std::string_view written,
                                                      std::span<std::string_view const> known) noexcept {
  std::string_view nearest;
  auto least = (std::min)(written.size(), longest_compared_name) / 3 + 1;
  for (auto const name : known)
    if (auto const distance = edit_distance(written, name); distance < least) {
      least = distance;
      nearest = name;
    }
  return nearest;
}

}  // namespace headcount::v0
