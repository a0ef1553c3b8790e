#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/part.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::select {

/// Keeps whole groups of heads that share a key/value head, so that the keys and values of the others are not needed:
/// all heads of the g groups whose best head scores highest; of equal groups the lower one. With one head a group it is
/// top_k, with one group (MQA) all heads or none. O(heads * g), no allocation.
/// Errors: validate throws when g is more than the layer's key/value heads.
/// Source: own; DuoAttention (Xiao et al. 2024, arXiv 2410.10819) decides a key/value head at a time.
struct top_groups {
  static constexpr std::string_view name = "top_groups";
  static constexpr part_about about{"all heads of the g key/value groups whose best head scores highest",
                                    "groups of rank < g by their largest score",
                                    "own, after DuoAttention, arXiv 2410.10819"};
  static constexpr bool depends_on_sequence = false;

  std::size_t g = 1;  ///< groups kept at a query, 0 to the layer's key/value heads

  static constexpr auto fields = field_list{
      leading_field("g", &top_groups::g, "key/value heads whose group is kept at a query", {0, head_set::capacity()})};

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores, site const& where) const noexcept {
    std::array<double, head_set::capacity()> best{};
    std::size_t groups = 0;
    for (std::size_t head = 0; head < scores.size(); head += where.group) {
      auto const group = scores.subspan(head, (std::min)(where.group, scores.size() - head));
      best[groups++] = group[best_head_outside({}, group)];
    }
    head_set kept;
    for (auto const group : best_heads(std::span<double const>{best}.first(groups), g))
      for (std::size_t head = group * where.group; head < (std::min)((group + 1) * where.group, scores.size()); ++head)
        kept.insert(head);
    return kept;
  }
};

/// A mistake when the layer has fewer than g key/value heads.
[[nodiscard]] inline std::optional<error> find_mistake(top_groups const& part, site const& where) {
  auto const groups = where.heads / where.group;
  if (part.g > groups)
    return error{text_of("top_groups(", part.g, ")"),
                 text_of("layer ", where.layer, " has ", groups, " key/value heads"), text_of("g from 0 to ", groups)};
  return std::nullopt;
}

}  // namespace headcount::v0::select
