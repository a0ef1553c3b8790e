#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include <headcount/core/from_file.hpp>
#include <headcount/core/index_range.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/core/words.hpp>

namespace headcount::inline v0 {

/// Values that a leading field may take several arguments for.
template <class Value>
inline constexpr bool is_list = std::is_same_v<Value, token_positions>;
template <class Item>
inline constexpr bool is_list<std::vector<Item>> = true;

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

/// One of an enumeration's words.
template <worded Word>
[[nodiscard]] bool parse_value(std::string_view text, Word& value) noexcept {
  auto const found = std::ranges::find(words_of<Word>, text);
  value = static_cast<Word>(found - words_of<Word>.begin());
  return found != words_of<Word>.end();
}

/// The name of a file, in quotes or not; it cannot hold a quote itself. The file is not read.
template <class Content>
[[nodiscard]] bool parse_value(std::string_view text, from_file<Content>& value) {
  bool const quoted = text.size() > 1 && text.starts_with('"') && text.ends_with('"');
  if (quoted) text = text.substr(1, text.size() - 2);
  value.name = text;
  return !text.empty() && text.find('"') == std::string_view::npos;
}

/// How values of a type are written, for error messages.
template <class Value>
[[nodiscard]] std::string value_form() {
  if constexpr (std::is_same_v<Value, bool>) {
    return "true or false";
  } else if constexpr (std::is_integral_v<Value>) {
    return "a whole number";
  } else if constexpr (std::is_floating_point_v<Value>) {
    return "a number";
  } else if constexpr (worded<Value>) {
    std::string words;
    for (auto const word : words_of<Value>) add_to_list(words, word);
    return words;
  } else if constexpr (is_from_file<Value>) {
    return "a file name, in quotes where it holds spaces or signs";
  } else if constexpr (std::is_same_v<Value, token_positions>) {
    return "positions such as 3-5 or 3-5,9";
  } else if constexpr (is_list<Value>) {
    return value_form<typename Value::value_type>() + ", or several";
  } else {
    return "a scorer";
  }
}

}  // namespace headcount::inline v0
