#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <headcount/text/json/unicode.hpp>
#include <headcount/version.hpp>

namespace headcount::v0::reference {

/// The letters that stand for bytes in a byte-level vocabulary: printable Latin-1 for itself, the other 68 bytes as
/// U+0100 and on, in order. Source: GPT-2's encoder.py, `bytes_to_unicode`.
[[nodiscard]] constexpr char32_t letter_of_byte(unsigned char byte) noexcept {
  auto const is_itself = [](unsigned b) {
    return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
  };
  if (is_itself(byte)) return byte;
  char32_t letter = 0x100;
  for (unsigned b = 0; b < byte; ++b) letter += is_itself(b) ? 0u : 1u;
  return letter;
}

namespace detail {

/// The UTF-8 of the letter of each byte.
[[nodiscard]] inline std::array<std::string, 256> const& letters_of_bytes() {
  static auto const all = [] {
    std::array<std::string, 256> made;
    for (unsigned byte = 0; byte < 256; ++byte) {
      auto const letter = letter_of_byte(static_cast<unsigned char>(byte));
      if (letter < 0x80) made[byte] = {static_cast<char>(letter)};
      else made[byte] = {static_cast<char>(0xc0u | letter >> 6u), static_cast<char>(0x80u | (letter & 0x3fu))};
    }
    return made;
  }();
  return all;
}

}  // namespace detail

/// A text with a letter for each of its bytes.
[[nodiscard]] inline std::string as_byte_letters(std::string_view text) {
  std::string letters;
  for (char const byte : text) letters += detail::letters_of_bytes()[static_cast<unsigned char>(byte)];
  return letters;
}

/// The bytes of such a text; nothing when a letter in it stands for no byte.
[[nodiscard]] inline std::optional<std::string> bytes_of_letters(std::string_view letters) {
  static auto const byte_of = [] {
    std::array<int, 0x180> made{};
    made.fill(-1);
    for (int byte = 0; byte < 256; ++byte) made[letter_of_byte(static_cast<unsigned char>(byte))] = byte;
    return made;
  }();
  std::string bytes;
  while (!letters.empty()) {
    auto const [letter, length] = first_code_point(letters);
    if (letter >= byte_of.size() || byte_of[letter] < 0) return {};
    bytes += static_cast<char>(byte_of[letter]);
    letters.remove_prefix(length);
  }
  return bytes;
}

}  // namespace headcount::v0::reference
