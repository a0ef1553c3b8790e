#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// A piece of a text: some text, or a whole number.
class text_piece {
 public:
  text_piece(char const* text) noexcept : text_{text} {}
  text_piece(std::string const& text) noexcept : text_{text} {}
  text_piece(std::string_view text) noexcept : text_{text} {}
  template <std::integral Number>
  text_piece(Number number) noexcept {
    auto const* const end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), number).ptr;
    size_ = static_cast<std::size_t>(end - digits_.data());
  }

  [[nodiscard]] std::string_view text() const noexcept {
    return size_ == 0 ? text_ : std::string_view{digits_.data(), size_};
  }

 private:
  std::string_view text_{};
  std::array<char, 24> digits_{};
  std::size_t size_ = 0;
};

/// Pieces one after the other.
[[nodiscard]] inline std::string joined(std::initializer_list<text_piece> pieces) {
  std::string text;
  for (auto const& piece : pieces) text.append(piece.text());
  return text;
}

/// Pieces of text and whole numbers, one after the other: text_of("layer ", 3, " has ", 8, " heads").
template <class... Piece>
[[nodiscard]] std::string text_of(Piece const&... piece) {
  return joined({text_piece{piece}...});
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

/// Bytes of the UTF-8 sign that a text begins with; 0 where it begins with none.
[[nodiscard]] constexpr std::size_t utf8_sign(std::string_view text) noexcept {
  if (text.empty()) return 0;
  auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto const first = byte(0);
  if (first < 0x80) return 1;
  std::size_t const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  char32_t sign = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
    sign = sign << 6 | (byte(i) & 0x3fu);
  }
  bool const is_shortest = sign >= (size == 2 ? 0x80u : size == 3 ? 0x800u : 0x10000u);
  bool const is_sign = first >= 0xc0 && first < 0xf8 && sign <= 0x10ffff && (sign < 0xd800 || sign > 0xdfff);
  return is_sign && is_shortest ? size : 0;
}

/// The text with every byte that is part of no UTF-8 sign written as "\\xNN": file names are bytes, JSON is not.
[[nodiscard]] inline std::string escaped_utf8(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string good;
  while (!text.empty()) {
    auto const size = utf8_sign(text);
    auto const code = static_cast<unsigned char>(text.front());
    if (size > 0) good.append(text.substr(0, size));
    else good.append("\\x").append({digits[code / 16u], digits[code % 16u]});
    text.remove_prefix(size > 0 ? size : 1);
  }
  return good;
}

/// Adds an item to a list in words: "a", then "a, b".
inline void add_to_list(std::string& list, std::string_view item, std::string_view separator = ", ") {
  if (!list.empty()) list.append(separator);
  list.append(item);
}

}  // namespace headcount::v0
