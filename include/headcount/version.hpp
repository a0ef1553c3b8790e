#pragma once

/// The library's version, 10000 * major + 100 * minor + patch: the only place it is written.
#define HEADCOUNT_VERSION 100

/// The namespace `v0` carries the major version, so that two of them can live in one program; its names are found in
/// `headcount` too. Every header opens it as `headcount::v0`, which tags, editors and Doxygen read; an inline namespace
/// opened so would make Clang warn.
namespace headcount {
namespace v0 {}
using namespace v0;
}  // namespace headcount

namespace headcount::v0 {

/// The version as result files print it, e.g. "0.1.0".
inline constexpr char const* version = "0.1.0";

}  // namespace headcount::v0
