#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <headcount/core/text.hpp>

namespace headcount::v0::reference {

/// What a text begins with: a code point in UTF-8, or the longest beginning of one that it is not.
struct utf8_piece {
  std::size_t bytes;  ///< 1 to 4
  bool whole;
};

/// The text is not empty. Source: Unicode 15, section 3.9, table 3-7 (well-formed byte sequences).
[[nodiscard]] constexpr utf8_piece first_utf8(std::string_view text) noexcept {
  auto const lead = static_cast<unsigned char>(text[0]);
  std::size_t const length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0) return {1, false};
  for (std::size_t at = 1; at < length; ++at) {
    if (at == text.size()) return {at, false};
    auto const next = static_cast<unsigned char>(text[at]);
    unsigned const least = at > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned const most = at > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (next < least || next > most) return {at, false};
  }
  return {length, true};
}

/// Valid UTF-8: what is none in the text becomes U+FFFD, one for each longest beginning of a code point.
/// Source: Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts".
[[nodiscard]] inline std::string as_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    auto const [bytes, whole] = first_utf8(text);
    valid.append(whole ? text.substr(0, bytes) : "\xEF\xBF\xBD");
    text.remove_prefix(bytes);
  }
  return valid;
}

/// Valid UTF-8 in which bytes of no code point are written as "\\xNN", so that names of files, which are bytes, stay
/// apart where they go into JSON.
[[nodiscard]] inline std::string escaped_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    auto const [bytes, whole] = first_utf8(text);
    if (whole) valid.append(text.substr(0, bytes));
    else
      for (char const byte : text.substr(0, bytes)) add_escaped(valid, byte);
    text.remove_prefix(bytes);
  }
  return valid;
}

}  // namespace headcount::v0::reference
