#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/mass.hpp>

namespace headcount::v0::score {

/// How far back a head looks: the weight on keys that are neither attention sinks nor recent.
///
///     score = sum over keys at positions from `sink` on, but the last `recent` keys, of p_j
///
/// A share, from 0 to 1, and 0 where no key lies between. Higher is kept first: heads that retrieve score high.
/// Reads the attention row once; O(keys), no allocation; accumulates.
/// Source: mlx-lm pull request 1522, which counts attention outside 4 sinks and 64 recent keys.
struct distant_mass {
  static constexpr std::string_view name = "distant_mass";
  static constexpr part_about about{"the weight on keys that are neither sinks nor recent",
                                    "1 - sink_mass(sink) - recent_mass(recent), on separate keys",
                                    "mlx-lm pull request 1522"};
  static constexpr bool depends_on_sequence = false;

  std::size_t sink = 4;     ///< tokens at the start of the sequence; 0 to 1048576
  std::size_t recent = 64;  ///< keys up to the query's own token; 0 to 1048576

  static constexpr auto fields = field_list{
      optional_leading_field("sink", &distant_mass::sink, "tokens at the start of the sequence", {0, 1u << 20}),
      optional_leading_field("recent", &distant_mass::recent, "keys up to the query's own token", {0, 1u << 20})};

  /// The keys it counts, of a row of so many.
  [[nodiscard]] HEADCOUNT_DEVICE constexpr key_range keys(site const& where, std::size_t count) const noexcept {
    return {keys_among_first(sink, where, count), recent < count ? count - recent : 0};
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
