#pragma once

/// The library's version, 10000 * major + 100 * minor + patch: the only place it is written.
/// The inline namespace `v0` in every header carries the major version, so that two of them can live in one program.
#define HEADCOUNT_VERSION 100

namespace headcount::inline v0 {

/// The version as result files print it, e.g. "0.1.0".
inline constexpr char const* version = "0.1.0";

}  // namespace headcount::inline v0
