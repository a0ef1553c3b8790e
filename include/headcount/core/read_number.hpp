#pragma once

#include <charconv>
#include <string_view>
#include <system_error>
#include <type_traits>
#if !defined(__cpp_lib_to_chars)
#include <cerrno>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <string>
#endif

#include <headcount/version.hpp>

namespace headcount::v0 {

/// Reads a number from the whole of a text, as std::from_chars does; false when it is none or does not fit. `value` is
/// then unspecified. libc++ reads integers alone before LLVM 20; there floating-point numbers go through the C library.
template <class Number>
  requires std::is_arithmetic_v<Number>
[[nodiscard]] bool read_number(std::string_view text, Number& value) noexcept {
#if !defined(__cpp_lib_to_chars)
  if constexpr (std::is_floating_point_v<Number>) {
    constexpr std::string_view signs = "+-.0123456789abcdefinty";  // of decimals, "inf", "infinity" and "nan"
    if (text.empty() || text.front() == '+' || text.find_first_not_of(signs) != std::string_view::npos) return false;
    std::string c_text{text};
    if (auto const point = c_text.find('.'); point != std::string::npos)
      c_text.replace(point, 1, std::localeconv()->decimal_point);
    char* stop = nullptr;
    errno = 0;
    if constexpr (std::is_same_v<Number, float>) value = std::strtof(c_text.c_str(), &stop);
    else value = static_cast<Number>(std::strtod(c_text.c_str(), &stop));
    return stop == c_text.c_str() + c_text.size() && (errno != ERANGE || (value != 0 && std::isfinite(value)));
  } else
#endif
  {
    auto const [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && stop == text.data() + text.size();
  }
}

}  // namespace headcount::v0
