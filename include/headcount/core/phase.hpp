#pragma once

#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// What a pass over new tokens is for. The caller says which: a one-token prompt is prefill, and a draft of several
/// tokens checked at once is generation, so the number of tokens cannot tell.
enum class phase : unsigned char { prefill, generation };

/// The word for a phase in sentences and result files.
[[nodiscard]] constexpr std::string_view name_of(phase when) noexcept {
  return when == phase::prefill ? "prefill" : "generation";
}

}  // namespace headcount::v0
