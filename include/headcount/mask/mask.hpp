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

/// What a mask multiplies when some of a layer's heads are kept.
struct mask_factors {
  double outputs = 1;  ///< of the kept heads
  double bias = 1;     ///< of the output projection
};

// A mask says what becomes of the heads that a policy drops, and, always, by what it multiplies the rest:
//
//     mask_factors factors(std::size_t kept, std::size_t heads)    {} for nothing
//
// Of a dropped head it says one of two things, what its output becomes or what it attends to instead:
//
//     void operator()([site const&, std::size_t head,] output)     `output` is `[dim]`, before the output projection: a
//                                                                  strided view of any floating-point type
//     attention_pattern attention(std::size_t keys)                when it sees so many keys
//
// All are const and noexcept.

/// Says what a dropped head's output becomes.
template <class Mask>
concept masks_output = requires(Mask const& mask, output_view output) {
  { mask(output) } noexcept -> std::same_as<void>;
};

/// The same, told which head it is and where.
template <class Mask>
concept masks_site = requires(Mask const& mask, site const& where, std::size_t head, output_view output) {
  { mask(where, head, output) } noexcept -> std::same_as<void>;
};

/// Lets a dropped head attend otherwise.
template <class Mask>
concept masks_attention = requires(Mask const& mask, std::size_t keys) {
  { mask.attention(keys) } noexcept -> std::same_as<attention_pattern>;
};

/// Says what the rest is multiplied by.
template <class Mask>
concept says_factors = requires(Mask const& mask, std::size_t count) {
  { mask.factors(count, count) } noexcept -> std::same_as<mask_factors>;
};

/// What becomes of a layer's heads when some are dropped.
template <class Mask>
concept head_mask = policy_part<Mask> && says_factors<Mask> &&
                    int{masks_output<Mask>} + int{masks_site<Mask>} + int{masks_attention<Mask>} == 1;

/// What a dropped head attends to under a mask, when it sees so many keys; nothing where it does not attend.
template <class Mask>
[[nodiscard]] constexpr std::optional<attention_pattern> attention_of([[maybe_unused]] Mask const& mask,
                                                                      [[maybe_unused]] std::size_t keys) noexcept {
  if constexpr (requires { mask.attention(keys); }) return mask.attention(keys);
  else return std::nullopt;
}

/// Makes a dropped head's output what a mask says; nothing where the mask lets it attend.
template <class Mask>
constexpr void mask_output(Mask const& mask, site const& where, std::size_t head, auto&& output) noexcept {
  if constexpr (masks_attention<Mask>) return;
  else if constexpr (requires { mask(where, head, output); }) mask(where, head, output);
  else mask(output);
}

}  // namespace headcount::v0
