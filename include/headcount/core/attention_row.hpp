#pragma once

#include <concepts>
#include <span>  // and the concepts of ranges; <ranges> itself costs as much as the rest of this header
#include <type_traits>

#include <headcount/core/strided_view.hpp>

namespace headcount::v0 {

/// The attention weights of one head and one query over the keys it can see, in key order: numbers in [0, 1] that sum
/// to 1 (less under an engine's attention sinks). Spans, vectors, arrays and strided views are attention rows.
/// Integers are none: they are the bits of halves that nobody widened.
template <class Row>
concept attention_row = std::ranges::random_access_range<Row> && std::ranges::sized_range<Row> &&
                        std::convertible_to<std::ranges::range_reference_t<Row>, float> &&
                        !std::integral<std::remove_cvref_t<std::ranges::range_reference_t<Row>>>;

/// The attention row that crosses a type-erased boundary: somebody else's floats, a stride apart.
using row_view = strided_view<float const, 1>;

/// What the attention block itself is given at one position, before any projection, all heads' alike: `[width]`.
struct block_input {
  std::span<float const> values;
};

/// The query of one head at one position, after its positional rotation: `[dim]`.
struct head_query {
  std::span<float const> values;
};

/// How far the output gate of one head is open at one position, after its sigmoid, in (0, 1): `[dim]`. It is computed
/// from the block's input alone. Empty where heads have no gates.
struct head_gate {
  std::span<float const> values;
};

/// The attention output of one head at one position, before the output projection: `[dim]`.
struct head_output {
  row_view values;
};

/// What one head adds to the block's output: projection * output, a vector of `[width]` that nobody has computed yet.
struct head_contribution {
  row_view output;                          ///< `[dim]`, before the output projection
  strided_view<float const, 2> projection;  ///< `[width, dim]`: the head's columns of the output projection
};

namespace archetype {

/// The least that every row scorer must accept; a span converts to it.
using row = row_view;

}  // namespace archetype

}  // namespace headcount::v0
