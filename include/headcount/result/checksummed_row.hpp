#pragma once

#include <string>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/result/parse_row.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

namespace detail {

inline constexpr std::string_view checksum_begin = ",\"checksum\":\"";
inline constexpr std::size_t checksum_size = checksum_begin.size() + 16 + 2;  // its digits, a quote and a brace

/// The end of a line whose beginning, up to the closing brace, is `open`.
[[nodiscard]] inline std::string checksum_of(std::string_view open) {
  return std::string{checksum_begin} + hexadecimal(hash_of(open)) + "\"}";
}

}  // namespace detail

/// A row as a line that shows when it was damaged: `print`, with a checksum of all before it as the last key.
[[nodiscard]] inline std::string print_checksummed(row const& one) {
  auto line = print(one);
  line.pop_back();
  return line + detail::checksum_of(line);
}

/// Whether a line is one that print_checksummed made, as it made it.
[[nodiscard]] inline bool is_checksummed(std::string_view line) {
  if (line.size() < detail::checksum_size) return false;
  auto const open = line.substr(0, line.size() - detail::checksum_size);
  return line.substr(open.size()) == detail::checksum_of(open);
}

/// The row of a line that print_checksummed made. Throws headcount::error when it was damaged.
[[nodiscard]] inline row parse_checksummed(std::string_view what, std::string_view line) {
  if (!is_checksummed(line)) throw error{what, "the checksum is missing or wrong", "lines as they were written"};
  auto one = parse_row(what, line);
  one.more.erase("checksum");
  return one;
}

}  // namespace headcount::v0::evaluate
