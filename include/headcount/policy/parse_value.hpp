#pragma once

#include <charconv>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <headcount/core/index_range.hpp>
#include <headcount/core/token_positions.hpp>

namespace headcount::inline v0 {

/// Reads a field's value from a whole piece of text; false when it is no such value. `value` is then unspecified.
template <class Number>
  requires std::is_arithmetic_v<Number>
[[nodiscard]] bool parse_value(std::string_view text, Number& value) noexcept {
  if constexpr (std::is_same_v<Number, bool>) {
    value = text == "true";
    return value || text == "false";
  } else {
    auto const [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && stop == text.data() + text.size();
  }
}

/// Positions as "3", "3-5" or "3-5,9".
[[nodiscard]] inline bool parse_value(std::string_view text, token_positions& value) {
  value = {};
  while (true) {
    auto const comma = text.find(',');
    auto piece = text.substr(0, comma);
    while (piece.starts_with(' ') || piece.starts_with('\t')) piece.remove_prefix(1);
    while (piece.ends_with(' ') || piece.ends_with('\t')) piece.remove_suffix(1);
    auto const range = parse_index_range(piece);
    if (!range) return false;
    value.insert(*range);
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

/// How values of a type are written, for error messages.
template <class Value>
[[nodiscard]] constexpr std::string_view value_form() noexcept {
  if constexpr (std::is_same_v<Value, bool>) return "true or false";
  else if constexpr (std::is_integral_v<Value>) return "a whole number";
  else if constexpr (std::is_floating_point_v<Value>) return "a number";
  else return "positions such as 3-5 or 3-5,9";
}

}  // namespace headcount::inline v0
