#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <headcount/core/words.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::mask {

/// What becomes of a dropped head's share of the output projection's bias.
enum class bias_rule : unsigned char { keep, drop };

}  // namespace headcount::v0::mask

namespace headcount::v0 {

template <>
inline constexpr std::array<std::string_view, 2> words_of<mask::bias_rule>{"keep", "drop"};

}  // namespace headcount::v0

namespace headcount::v0::mask {

/// A dropped head contributes nothing: its output is multiplied by 0 before the output projection. O(dim), no
/// allocation.
///
/// The projection's bias, if it has one, stays, as published. With bias=drop a dropped head takes its share along:
///
///     bias becomes bias * kept heads / heads
///
/// Outputs do not show that; whoever projects them multiplies (see mask_factors), as the reference attention does.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861; bias=drop: own.
struct zero {
  static constexpr std::string_view name = "zero";
  static constexpr part_about about{"nothing: its output becomes 0 before the output projection", "0 * output",
                                    "Michalak & Abreu 2025, arXiv 2510.19861; bias=drop: own"};

  bias_rule bias = bias_rule::keep;  ///< whether a dropped head's share of the bias stays

  static constexpr auto fields =
      field_list{named_field("bias", &zero::bias, "whether its share of the projection's bias stays")};

  constexpr void operator()(std::ranges::forward_range auto&& output) const noexcept {
    for (auto& value : output) value = {};
  }
  [[nodiscard]] constexpr mask_factors factors(std::size_t kept, std::size_t heads) const noexcept {
    bool const whole = bias == bias_rule::keep || heads == 0;
    return {.bias = whole ? 1 : static_cast<double>(kept) / static_cast<double>(heads)};
  }
};

}  // namespace headcount::v0::mask
