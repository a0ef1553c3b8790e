#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <headcount/core/index_range.hpp>
#include <headcount/core/read_number.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/layer_table.hpp>
#include <headcount/select/any_selector.hpp>

namespace headcount::v0 {

/// Values that a leading field may take several arguments for.
template <class Value>
inline constexpr bool is_list = std::is_same_v<Value, token_positions> || std::is_same_v<Value, layer_table>;
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
    return read_number(text, value);
  }
}

/// The text without spaces and tabs around it.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Reads the pieces of a list "a, b, c" one by one; false as soon as `read(piece)` is.
template <std::predicate<std::string_view> Read>
[[nodiscard]] bool parse_list(std::string_view text, Read const& read) {
  while (true) {
    auto const comma = text.find(',');
    if (!read(trimmed(text.substr(0, comma)))) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

/// Positions as "3", "3-5" or "3-5,9".
[[nodiscard]] inline bool parse_value(std::string_view text, token_positions& value) {
  value = {};
  return parse_list(text, [&](std::string_view piece) {
    auto const range = parse_index_range(piece);
    if (range) value.insert(*range);
    return range.has_value();
  });
}

/// Layers and their numbers as "2:5" or "2:5,4-8:0"; a layer has one number.
[[nodiscard]] inline bool parse_value(std::string_view text, layer_table& value) {
  value = {};
  return parse_list(text, [&](std::string_view piece) {
    auto const colon = piece.find(':');
    auto const layers = parse_index_range(piece.substr(0, colon));
    std::size_t number = 0;
    return layers && colon != std::string_view::npos && parse_value(piece.substr(colon + 1), number) &&
           value.insert({*layers, number});
  });
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
  } else if constexpr (std::is_same_v<Value, layer_table>) {
    return "layers and numbers such as 2:5 or 2:5,4-8:0";
  } else if constexpr (is_list<Value>) {
    return value_form<typename Value::value_type>() + ", or several";
  } else if constexpr (std::is_same_v<Value, any_selector>) {
    return "a selector";
  } else {
    return "a scorer";
  }
}

}  // namespace headcount::v0
