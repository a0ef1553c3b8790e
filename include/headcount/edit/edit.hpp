#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0 {

/// The keys that a row of attention weights is over, and what its pass is for.
struct seen_keys {
  std::size_t first = 0;  ///< position of the first; above 0 when a sliding window dropped older ones
  headcount::phase phase = headcount::phase::generation;
};

// An edit changes attention weights on given token positions, after scores were taken and heads chosen, before values
// are summed. Rows are not renormalised, except by the edit of that name. Positions a row does not see (in the future,
// or out of a sliding window) are left out.

/// Edits one head's row at a time, so a dropped head's row need not exist.
template <class Edit>
concept row_edit = policy_part<Edit> && requires(Edit const& edit, std::span<float> weights, seen_keys seen) {
  { edit(weights, seen) } noexcept;
};

/// Edits the rows of some heads of a query together, `[head, key]`, so that each of those rows must be computed.
template <class Edit>
concept all_heads_edit = policy_part<Edit> && requires(Edit const& edit, strided_view<float, 2> weights,
                                                       head_set const& heads, seen_keys seen) {
  { edit(weights, heads, seen) } noexcept;
};

/// May want to know something of the rows of every query of a pass before it edits the first. `sum` is added up over
/// those rows, last row last, and `with_pass_total` gives the edit that knows the total.
template <class Edit>
concept all_rows_edit = all_heads_edit<Edit> && requires(Edit const& edit, strided_view<float const, 2> weights,
                                                         head_set const& heads, seen_keys seen, double total) {
  { edit.needs_all_rows() } noexcept -> std::same_as<bool>;
  { edit.sum(weights, heads, seen) } noexcept -> std::same_as<double>;
  { edit.with_pass_total(total, weights, heads, seen) } -> std::same_as<Edit>;
};

/// Says one of the three; then it must say all of them.
template <class Edit>
concept says_all_rows = requires { &Edit::needs_all_rows; } || requires { &Edit::with_pass_total; };

/// Changes attention rows, one at a time or all heads' together.
template <class Edit>
concept weight_edit = row_edit<Edit> || all_heads_edit<Edit>;

}  // namespace headcount::v0
