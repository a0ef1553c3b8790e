#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include <headcount/core/words.hpp>

namespace headcount::v0 {

/// The number formats a score can be computed in: as exactly as this library does it, or as code does that keeps
/// attention weights and scores in bfloat16.
enum class number_type : unsigned char { float32, bfloat16 };

template <>
inline constexpr std::array<std::string_view, 2> words_of<number_type>{"float32", "bfloat16"};

/// The nearest bfloat16, of two equally near the one with an even last bit: the upper half of a float's bits. NaN stays
/// NaN; what is too large becomes infinite.
[[nodiscard]] constexpr float round_to_bfloat16(float value) noexcept {
  if (value != value) return value;
  auto const bits = std::bit_cast<std::uint32_t>(value);
  auto const to_even = 0x7fffu + (bits >> 16 & 1u);
  return std::bit_cast<float>((bits + to_even) & 0xffff0000u);
}

}  // namespace headcount::v0
