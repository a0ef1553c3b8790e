#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/part.hpp>
#include <headcount/core/strided_view.hpp>

namespace headcount::inline v0 {

// An edit changes attention weights on given token positions, after scores were taken and heads chosen, before values
// are summed. Rows are not renormalised. `first` is the position of a row's first visible key: positions the row does
// not see (in the future, or out of a sliding window) are left out.

/// Edits one head's row at a time, so a dropped head's row need not exist.
template <class Edit>
concept row_edit = policy_part<Edit> && requires(Edit const& edit, std::span<float> weights, std::size_t first) {
  { edit(weights, first) } noexcept;
};

/// Edits the rows of all heads of a query together, `[head, key]`, so every head's row must be computed.
template <class Edit>
concept all_heads_edit =
    policy_part<Edit> && requires(Edit const& edit, strided_view<float, 2> weights, std::size_t first) {
      { edit(weights, first) } noexcept;
    };

template <class Edit>
concept weight_edit = row_edit<Edit> || all_heads_edit<Edit>;

}  // namespace headcount::inline v0
