#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>

namespace headcount::v0::kernel {

/// Watches attention at work. `row` gets each attention row that was computed, before any edit; `kept` gets the
/// heads kept at each site. Neither may keep a reference to what it is given.
template <class Observer>
concept attention_observer = requires(Observer& observer, site const& where, std::size_t head,
                                      std::span<float const> row, head_set const& kept) {
  observer.row(where, head, row);
  observer.kept(where, kept);
};

/// An observer may also ask for the rows after edits, `edited_row(where, head, row)`, of the heads whose rows were
/// computed, for what the policy's scorer made of every head, `scored(where, scores)`, where it was asked, for the
/// outputs of kept heads, `output(where, head, values)`, `[dim]`, after edits, and for the block's input, `input(where,
/// values)`, `[width]`.
template <class Observer>
concept watches_edited_rows = requires(Observer& observer, site const& where, std::size_t head,
                                       std::span<float const> row) { observer.edited_row(where, head, row); };
/// Watches what the policy's scorer made of every head.
template <class Observer>
concept watches_scores =
    requires(Observer& observer, site const& where, std::span<double const> scores) { observer.scored(where, scores); };
/// Watches the outputs of kept heads, `[dim]`, after edits.
template <class Observer>
concept watches_outputs = requires(Observer& observer, site const& where, std::size_t head,
                                   std::span<float const> values) { observer.output(where, head, values); };

/// Watches what the attention block is given, `[width]`.
template <class Observer>
concept watches_inputs =
    requires(Observer& observer, site const& where, std::span<float const> values) { observer.input(where, values); };

/// Watches nothing, at no cost.
struct no_observer {
  constexpr void row(site const&, std::size_t, std::span<float const>) const noexcept {}
  constexpr void kept(site const&, head_set const&) const noexcept {}
};

}  // namespace headcount::v0::kernel
