#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// Indices first to last, both included: how sentences write positions and layers ("5-7").
struct index_range {
  std::size_t first = 0;
  std::size_t last = 0;

  [[nodiscard]] friend constexpr bool operator==(index_range const&, index_range const&) noexcept = default;
};

/// Reads "N" or "N-M" with N <= M, nothing else around it; nullopt where it is neither.
[[nodiscard]] inline std::optional<index_range> parse_index_range(std::string_view text) noexcept {
  index_range range;
  char const* const end = text.data() + text.size();
  auto [stop, failure] = std::from_chars(text.data(), end, range.first);
  if (failure != std::errc{}) return std::nullopt;
  range.last = range.first;
  if (stop != end) {
    if (*stop != '-') return std::nullopt;
    auto const [stop_last, failure_last] = std::from_chars(stop + 1, end, range.last);
    if (failure_last != std::errc{} || stop_last != end) return std::nullopt;
  }
  if (range.last < range.first) return std::nullopt;
  return range;
}

/// Writes a range as parse_index_range reads it.
[[nodiscard]] inline std::string print(index_range range) {
  return range.last == range.first ? text_of(range.first) : text_of(range.first, "-", range.last);
}

}  // namespace headcount::v0
