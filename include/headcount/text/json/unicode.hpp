#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <utf8proc.h>

#include <headcount/version.hpp>

namespace headcount::v0::reference {

/// A code point of a text, and the bytes it takes there.
struct code_point {
  char32_t value;
  std::size_t bytes;
};

/// The code point that a valid UTF-8 text begins with; the text is not empty.
[[nodiscard]] inline code_point first_code_point(std::string_view text) {
  utf8proc_int32_t value = 0;
  auto const bytes = utf8proc_iterate(reinterpret_cast<utf8proc_uint8_t const*>(text.data()),
                                      static_cast<utf8proc_ssize_t>(text.size()), &value);
  return {static_cast<char32_t>(value), static_cast<std::size_t>(bytes)};
}

/// The code point that a valid UTF-8 text ends with; the text is not empty.
[[nodiscard]] inline code_point last_code_point(std::string_view text) {
  auto at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0u) == 0x80u) --at;
  return first_code_point(text.substr(at));
}

/// The property White_Space. Source: Unicode 15, PropList.txt.
[[nodiscard]] constexpr bool is_white_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/// A text without the white space at its beginning, or at its end.
[[nodiscard]] inline std::string_view without_leading_space(std::string_view text) {
  while (!text.empty()) {
    auto const [c, bytes] = first_code_point(text);
    if (!is_white_space(c)) break;
    text.remove_prefix(bytes);
  }
  return text;
}
[[nodiscard]] inline std::string_view without_trailing_space(std::string_view text) {
  while (!text.empty()) {
    auto const [c, bytes] = last_code_point(text);
    if (!is_white_space(c)) break;
    text.remove_suffix(bytes);
  }
  return text;
}

}  // namespace headcount::v0::reference
