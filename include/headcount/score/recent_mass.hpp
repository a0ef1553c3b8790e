#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/mass.hpp>

namespace headcount::v0::score {

/// How local a head's attention is: the weight on the last n visible keys, the query's own token included.
///
///     score = sum over the last n keys of p_j
///
/// A share, from 0 to 1, and 1 where no more than n keys are visible. Higher is kept first: local heads score high.
/// Reads the attention row once; O(n), no allocation; accumulates.
/// Source: the recent window of streaming heads, DuoAttention, arXiv 2410.10819; as a score, own.
struct recent_mass {
  static constexpr std::string_view name = "recent_mass";
  static constexpr part_about about{"the weight on the last n visible keys", "sum of p_j, the last n keys",
                                    "own, after DuoAttention, arXiv 2410.10819"};
  static constexpr bool depends_on_sequence = false;

  std::size_t n = 64;  ///< keys up to the query's own token; 1 to 1048576

  static constexpr auto fields =
      field_list{leading_field("n", &recent_mass::n, "keys up to the query's own token", {1, 1u << 20})};

  /// The keys it counts, of a row of so many.
  [[nodiscard]] HEADCOUNT_DEVICE constexpr key_range keys(site const&, std::size_t count) const noexcept {
    return {n < count ? count - n : 0, count};
  }

  [[nodiscard]] double operator()(attention_row auto const& weights, site const& where) const noexcept {
    return mass_on(keys(where, std::ranges::size(weights)), weights);
  }

  using accumulator = mass_accumulator;
  [[nodiscard]] HEADCOUNT_DEVICE constexpr accumulator start(site const& where, std::size_t count) const noexcept {
    return {.counted = keys(where, count)};
  }
  [[nodiscard]] HEADCOUNT_DEVICE constexpr bool accumulates() const noexcept { return true; }
};

}  // namespace headcount::v0::score
