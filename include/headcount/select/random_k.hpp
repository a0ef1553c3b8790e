#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/select/count.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::select {

/// The matched control of top_k: keeps k heads at each query, drawn anew from (seed, site) without looking at the
/// scores. Every set of k heads is as likely, those that top_k would keep included. The draws are those of
/// score::random with the same seed. O(heads * k), no allocation, the same on every platform.
/// Errors: validate throws when k is more than the layer's heads.
/// Source: own; the random baseline of Michalak & Abreu 2025, arXiv 2510.19861, as a selector.
struct random_k {
  static constexpr std::string_view name = "random_k";
  static constexpr part_about about{"a control: k heads drawn anew at every query", "k of the heads, by (seed, site)",
                                    "own, after the random baseline of arXiv 2510.19861"};

  std::size_t k = 2;       ///< heads kept at a query, 0 to the layer's heads
  std::uint64_t seed = 0;  ///< any value; another seed is another draw

  static constexpr auto fields =
      field_list{leading_field("k", &random_k::k, "heads kept at a query", {0, head_set::capacity()}),
                 named_field("seed", &random_k::seed, "another seed is another draw")};

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores, site const& where) const noexcept {
    std::array<double, head_set::capacity()> draws{};
    for (std::size_t head = 0; head < scores.size(); ++head) draws[head] = uniform_number(seed, where, head);
    return best_heads(std::span<double const>{draws}.first(scores.size()), k);
  }
};

/// A mistake when the layer has fewer than k heads.
[[nodiscard]] inline std::optional<error> find_mistake(random_k const& part, site const& where) {
  return find_too_many(part, part.k, where);
}

}  // namespace headcount::v0::select
