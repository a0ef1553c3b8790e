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

/// Adds a byte to a text as "\\xNN".
inline void add_escaped(std::string& text, char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto const code = static_cast<unsigned char>(byte);
  text.append("\\x").append({digits[code / 16u], digits[code % 16u]});
}

/// The text with its control characters written as "\\xNN", so that it stays on one line.
[[nodiscard]] inline std::string on_one_line(std::string_view text) {
  std::string line;
  for (char const sign : text) {
    auto const code = static_cast<unsigned char>(sign);
    if (code >= 0x20 && code != 0x7f) line += sign;
    else add_escaped(line, sign);
  }
  return line;
}

/// Adds an item to a list in words: "a", then "a, b".
inline void add_to_list(std::string& list, std::string_view item, std::string_view separator = ", ") {
  if (!list.empty()) list.append(separator);
  list.append(item);
}

}  // namespace headcount::v0
