#pragma once

#include <algorithm>
#include <cstddef>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// What a dropped head attends to in the place of its own choice, among the keys it sees: the oldest and the newest of
/// them, by the softmax of their logits alone, or evenly.
struct attention_pattern {
  std::size_t oldest = 0;
  std::size_t newest = 0;
  bool even = false;  ///< every key weighs the same, so that the head's query is not needed

  /// How many of the oldest keys it has, when `keys` are seen, and which key its newest begin with. They do not
  /// overlap.
  [[nodiscard]] constexpr std::size_t end_of_oldest(std::size_t keys) const noexcept {
    return (std::min)(oldest, keys);
  }
  [[nodiscard]] constexpr std::size_t begin_of_newest(std::size_t keys) const noexcept {
    return keys - (std::min)(newest, keys - end_of_oldest(keys));
  }
  /// How many keys it weighs, when `keys` are seen.
  [[nodiscard]] constexpr std::size_t size(std::size_t keys) const noexcept {
    return end_of_oldest(keys) + keys - begin_of_newest(keys);
  }

  /// Calls `visit(begin, end)` with the half-open ranges of its keys, when `keys` are seen.
  template <class Visit>
  constexpr void for_each_range(std::size_t keys, Visit&& visit) const {
    if (end_of_oldest(keys) > 0) visit(std::size_t{0}, end_of_oldest(keys));
    if (begin_of_newest(keys) < keys) visit(begin_of_newest(keys), keys);
  }

  [[nodiscard]] friend constexpr bool operator==(attention_pattern const&, attention_pattern const&) noexcept = default;
};

}  // namespace headcount::v0
