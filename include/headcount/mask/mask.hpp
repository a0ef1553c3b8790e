#pragma once

#include <concepts>

#include <headcount/core/part.hpp>
#include <headcount/core/strided_view.hpp>

namespace headcount::inline v0 {

/// The output of one head that crosses a type-erased boundary: somebody else's floats, a stride apart, to write to.
using output_view = strided_view<float, 1>;

/// Says what a dropped head's output becomes, `[dim]`, before the output projection. A kept head's is left alone.
/// Strided views of any floating-point type are outputs; a mask of one type only must take output_view.
template <class Mask>
concept output_mask = policy_part<Mask> && requires(Mask const& mask, output_view output) {
  { mask(output) } noexcept -> std::same_as<void>;
};

}  // namespace headcount::inline v0
