#pragma once

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include <headcount/core/error.hpp>
#include <headcount/file/digest.hpp>

namespace headcount::v0::evaluate {

/// One of several parts of a sweep, which several machines work on.
struct shard {
  std::size_t index = 1;  ///< 1 to count
  std::size_t count = 1;

  /// Whether this part has a piece of work: by a hash of its name, so that every part knows without asking.
  [[nodiscard]] bool has(std::string_view name) const noexcept { return hash_of(name) % count == index - 1; }
};

/// Reads "I/N". Throws headcount::error unless 1 <= I <= N.
[[nodiscard]] inline shard parse_shard(std::string_view text) {
  shard part;
  auto const* const end = text.data() + text.size();
  auto const [slash, first] = std::from_chars(text.data(), end, part.index);
  bool good = first == std::errc{} && slash != end && *slash == '/';
  if (good) {
    auto const [stop, second] = std::from_chars(slash + 1, end, part.count);
    good = second == std::errc{} && stop == end && part.index >= 1 && part.index <= part.count;
  }
  if (!good) throw error{"shard", std::string{text}, "I/N with I from 1 to N, e.g. 3/8"};
  return part;
}

}  // namespace headcount::v0::evaluate
