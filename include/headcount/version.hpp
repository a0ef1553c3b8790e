#pragma once

#include <initializer_list>

/// The library's version, 10000 * major + 100 * minor + patch: the only place it is written.
#define HEADCOUNT_VERSION 200

#if __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "headcount: this is C++20: compile with -std=c++20 or later"
#endif
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "headcount: NaN and infinities mean something here; after -ffast-math or -Ofast say -fno-finite-math-only"
#endif

/// The namespace `v0` carries the major version, so that two of them can live in one program; its names are found in
/// `headcount` too. Every header opens it as `headcount::v0`, which tags, editors and Doxygen read; an inline namespace
/// opened so would make Clang warn.
namespace headcount {
namespace v0 {}
using namespace v0;
}  // namespace headcount

namespace headcount::v0 {

namespace detail {
/// The three numbers with dots between them; each is below 100.
struct version_text {
  char text[9]{};
  constexpr explicit version_text(unsigned number) noexcept {
    char* end = text;
    for (unsigned const part : {number / 10000, number / 100 % 100, number % 100}) {
      if (end != text) *end++ = '.';
      if (part >= 10) *end++ = static_cast<char>('0' + part / 10);
      *end++ = static_cast<char>('0' + part % 10);
    }
  }
};
inline constexpr version_text version_written{HEADCOUNT_VERSION};
}  // namespace detail

/// The version as result files print it, e.g. "0.2.0".
inline constexpr char const* version = detail::version_written.text;

}  // namespace headcount::v0
