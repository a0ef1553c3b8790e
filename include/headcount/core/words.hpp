#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// The words that sentences write for the values of an enumeration, in the order of the values, which count from 0.
/// An enumeration that is a field of a part specialises it:
///
///     template <>
///     inline constexpr std::array<std::string_view, 2> words_of<number_type>{"float32", "bfloat16"};
template <class Enumeration>
  requires std::is_enum_v<Enumeration>
inline constexpr std::array<std::string_view, 0> words_of{};

/// An enumeration with words.
template <class Value>
concept worded = std::is_enum_v<Value> && (words_of<Value>.size() > 0);

/// The word for a value.
template <worded Value>
[[nodiscard]] constexpr std::string_view word_of(Value value) noexcept {
  return words_of<Value>[static_cast<std::size_t>(value)];
}

}  // namespace headcount::v0
