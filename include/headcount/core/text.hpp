#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// Pieces of text and whole numbers, one after the other: text_of("layer ", 3, " has ", 8, " heads").
template <class... Piece>
  requires((std::convertible_to<Piece const&, std::string_view> || std::integral<Piece>) && ...)
[[nodiscard]] std::string text_of(Piece const&... piece) {
  std::string text;
  auto const add = [&](auto const& next) {
    if constexpr (std::convertible_to<decltype(next), std::string_view>) {
      text.append(std::string_view{next});
    } else {
      std::array<char, 24> digits{};
      auto const* const end = std::to_chars(digits.data(), digits.data() + digits.size(), next).ptr;
      text.append(std::string_view{digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
  };
  (add(piece), ...);
  return text;
}

/// The text with its control characters written as "\\xNN", so that it stays on one line.
[[nodiscard]] inline std::string on_one_line(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string line;
  for (char const sign : text) {
    auto const code = static_cast<unsigned char>(sign);
    if (code >= 0x20 && code != 0x7f) line += sign;
    else line.append("\\x").append({digits[code / 16u], digits[code % 16u]});
  }
  return line;
}

/// Adds an item to a list in words: "a", then "a, b".
inline void add_to_list(std::string& list, std::string_view item, std::string_view separator = ", ") {
  if (!list.empty()) list.append(separator);
  list.append(item);
}

}  // namespace headcount::v0
