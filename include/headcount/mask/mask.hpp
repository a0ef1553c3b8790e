#pragma once

#include <concepts>
#include <cstddef>
#include <optional>

#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/mask/attention_pattern.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0 {

/// The output of one head that crosses a type-erased boundary: somebody else's floats, a stride apart, to write to.
using output_view = strided_view<float, 1>;

// A mask says what becomes of the heads that a policy drops. It is one of the three kinds below; what it needs of a
// dropped head is its kind's: nothing, or the values of some keys and perhaps the head's query.

/// Says what a dropped head's output becomes, `[dim]`, before the output projection. A kept head's is left alone.
/// Strided views of any floating-point type are outputs; a mask of one type only must take output_view.
template <class Mask>
concept output_mask = policy_part<Mask> && requires(Mask const& mask, output_view output) {
  { mask(output) } noexcept -> std::same_as<void>;
};

/// The same, told which head it is and where.
template <class Mask>
concept site_mask =
    policy_part<Mask> && requires(Mask const& mask, site const& where, std::size_t head, output_view output) {
      { mask(where, head, output) } noexcept -> std::same_as<void>;
    };

/// Lets a dropped head attend otherwise: says how, when it sees so many keys.
template <class Mask>
concept attention_mask = policy_part<Mask> && requires(Mask const& mask, std::size_t keys) {
  { mask.attention(keys) } noexcept -> std::same_as<attention_pattern>;
};

/// What becomes of a dropped head, in one of these ways.
template <class Mask>
concept head_mask = int{output_mask<Mask>} + int{site_mask<Mask>} + int{attention_mask<Mask>} == 1;

// What a mask may say besides, of `kept` out of `heads` heads: `kept_factor(kept, heads)`, by which the outputs of kept
// heads are multiplied, and `bias_factor(kept, heads)`, by which the output projection's bias is. Both are 1 where a
// mask has no such member.

/// What a mask multiplies the outputs of kept heads by.
template <class Mask>
[[nodiscard]] constexpr double kept_factor_of(Mask const& mask, std::size_t kept, std::size_t heads) noexcept {
  if constexpr (requires { mask.kept_factor(kept, heads); }) return mask.kept_factor(kept, heads);
  else return 1;
}

/// What a mask multiplies the output projection's bias by.
template <class Mask>
[[nodiscard]] constexpr double bias_factor_of(Mask const& mask, std::size_t kept, std::size_t heads) noexcept {
  if constexpr (requires { mask.bias_factor(kept, heads); }) return mask.bias_factor(kept, heads);
  else return 1;
}

/// What a dropped head attends to under a mask, when it sees so many keys; nothing where it does not attend.
template <class Mask>
[[nodiscard]] constexpr std::optional<attention_pattern> attention_of(Mask const& mask, std::size_t keys) noexcept {
  if constexpr (requires { mask.attention(keys); }) return mask.attention(keys);
  else return std::nullopt;
}

/// Makes a dropped head's output what a mask says; nothing where the mask lets it attend.
template <class Mask>
constexpr void mask_output(Mask const& mask, site const& where, std::size_t head, auto&& output) noexcept {
  if constexpr (attention_mask<Mask>) return;
  else if constexpr (requires { mask(where, head, output); }) mask(where, head, output);
  else mask(output);
}

}  // namespace headcount::v0
