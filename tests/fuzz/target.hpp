#pragma once

// What fuzz targets share. A target reads any bytes: it makes something of them that holds together, or refuses them
// with headcount::error. Any other exception is a finding.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

#include <headcount/core/error.hpp>

/// Runs a target on one input, as libFuzzer calls it. Gives 0.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace fuzz {

[[nodiscard]] inline std::string_view text_of(std::uint8_t const* data, std::size_t size) noexcept {
  return {reinterpret_cast<char const*>(data), size};
}

/// Throws where something does not hold.
inline void require(bool holds, char const* what) {
  if (!holds) throw std::logic_error{what};
}

/// What a reader gives; nothing where it refuses, which must be on one line.
template <class Read>
[[nodiscard]] auto read_or_refuse(Read const& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (headcount::error const& refusal) {
    std::string_view const message = refusal.what();
    require(!message.empty(), "an error without a message");
    require(std::ranges::none_of(message, [](unsigned char sign) { return std::iscntrl(sign) != 0; }),
            "an error that is not one line");
    return std::nullopt;
  }
}

}  // namespace fuzz
