#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include <headcount/core/fill.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/core/words.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/edit/window_rule.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::edit {

/// Whose mass `balanced` spreads over a row.
enum class mass_rule : unsigned char {
  row,  ///< the row's own
  pass  ///< that of all rows of the pass together, as in the code of Michalak & Abreu 2025
};

}  // namespace headcount::v0::edit

namespace headcount::v0 {

template <>
inline constexpr std::array<std::string_view, 2> words_of<edit::mass_rule>{"row", "pass"};

}  // namespace headcount::v0

namespace headcount::v0::edit {

/// Spreads attention evenly over these tokens and over the heads: every weight but those on T = `positions` becomes 0,
/// and every weight on T becomes the same, so that the mass on T, summed over heads, stays what it was.
///
///     w(head, t in T) = sum over heads and T of the weights / (heads * |T|)
///
/// T counts the positions the row sees. Reads the rows of all heads; O(heads * keys), no allocation.
///
/// With mass=pass the sum runs over all rows of the pass besides, and |T| counts the positions its last row sees: what
/// the published code does in a prefill, where a weight may then exceed 1. One row is a pass of its own.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861.
struct balanced {
  static constexpr std::string_view name = "balanced";
  static constexpr part_about about{
      "spreads the mass on these tokens evenly over them and over the heads; all other weights become 0",
      "mass on positions, summed over heads / (heads |positions|)", "Michalak & Abreu 2025, arXiv 2510.19861"};

  token_positions positions;                 ///< the tokens that share the attention
  mass_rule mass = mass_rule::row;           ///< whose mass they share
  window_rule window = window_rule::strict;  ///< what becomes of a row that has lost them all
  std::optional<double> share{};             ///< the weight of each, where it is known from a whole pass

  static constexpr auto fields =
      field_list{leading_field("positions", &balanced::positions, "the tokens that share the attention"),
                 named_field("mass", &balanced::mass, "whose mass they share"),
                 named_field("window", &balanced::window, "what becomes of a row that has lost them all")};

  [[nodiscard]] friend bool operator==(balanced const&, balanced const&) noexcept = default;

  void operator()(strided_view<float, 2> weights, head_set const& heads, seen_keys seen) const noexcept {
    if (leaves_alone(window, positions, seen)) return;
    auto const each = static_cast<float>(share ? *share : even_share(sum(weights, heads, seen), weights, heads, seen));
    for (auto const head : heads) {
      fill(weights[head], 0.0f);
      positions.for_each_in_row(seen.first, weights.extent(1), [&](std::size_t begin, std::size_t end) {
        fill(weights[head].slice(begin, end - begin), each);
      });
    }
  }

  // The pass: see all_rows_edit.
  [[nodiscard]] bool needs_all_rows() const noexcept { return mass == mass_rule::pass && !share; }
  [[nodiscard]] double sum(strided_view<float const, 2> weights, head_set const& heads, seen_keys seen) const noexcept {
    double sum = 0;
    for (auto const head : heads)
      positions.for_each_in_row(seen.first, weights.extent(1), [&](std::size_t begin, std::size_t end) {
        for (float const weight : weights[head].slice(begin, end - begin)) sum += static_cast<double>(weight);
      });
    return sum;
  }
  [[nodiscard]] balanced with_pass_total(double total, strided_view<float const, 2> last, head_set const& heads,
                                         seen_keys seen) const {
    auto known = *this;
    known.share = even_share(total, last, heads, seen);
    return known;
  }

 private:
  [[nodiscard]] double even_share(double sum, strided_view<float const, 2> weights, head_set const& heads,
                                  seen_keys seen) const noexcept {
    std::size_t count = 0;
    positions.for_each_in_row(seen.first, weights.extent(1),
                              [&](std::size_t begin, std::size_t end) { count += end - begin; });
    return count == 0 ? 0 : sum / static_cast<double>(heads.size() * count);
  }
};

}  // namespace headcount::v0::edit
