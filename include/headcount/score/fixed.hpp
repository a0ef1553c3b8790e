#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0::score {

/// A static ranking: a head scores the same at every token, whatever it attends to.
///
///     score = ranking[layer][head]
///
/// Minus infinity for a head that the ranking does not have, which validate refuses. In the ranking's unit. Reads
/// nothing, so heads are chosen before attention and dropped ones are never computed; O(1), no allocation.
/// Errors: validate throws when the ranking has no such layer, or other heads in it.
/// Source: static selection, the question left open by Michalak & Abreu 2025, arXiv 2510.19861.
struct fixed {
  static constexpr std::string_view name = "fixed";
  static constexpr part_about about{"what a ranking says of the head, the same at every token", "ranking[layer][head]",
                                    "static selection, the open question of arXiv 2510.19861"};
  static constexpr bool depends_on_sequence = false;

  from_file<headcount::ranking> ranking{};  ///< a file that `headcount rank` wrote

  static constexpr auto fields =
      field_list{leading_field("ranking", &fixed::ranking, "the file that `headcount rank` wrote")};

  [[nodiscard]] double operator()(site const& where, std::size_t head) const noexcept {
    auto const* const read = ranking.content.get();
    bool const known = read != nullptr && where.layer < read->scores.size() && head < read->scores[where.layer].size();
    return known ? read->scores[where.layer][head] : -std::numeric_limits<double>::infinity();
  }
};

/// A mistake when the ranking does not rank the heads of this layer.
[[nodiscard]] inline std::optional<error> find_mistake(fixed const& part, site const& where) {
  auto const file = print_file_name(part.ranking.name);
  auto const* const read = part.ranking.content.get();
  if (read == nullptr) return error{text_of("fixed(", file, ")"), "no ranking was read"};
  auto const heads = where.layer < read->scores.size() ? read->scores[where.layer].size() : 0;
  if (heads != where.heads)
    return error{text_of("fixed(", file, ")"),
                 text_of("it ranks ", heads, " heads of layer ", where.layer, ", which has ", where.heads),
                 "a ranking of this model"};
  return std::nullopt;
}

}  // namespace headcount::v0::score
