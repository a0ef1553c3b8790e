#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/mass.hpp>

namespace headcount::v0::score {

/// How much a head leans on attention sinks: the weight on the first n tokens of its sequence.
///
///     score = sum over keys at positions below n of p_j
///
/// A share, from 0 to 1; tokens that a sliding window has dropped hold no weight. Higher is kept first: what parks its
/// attention on the sinks scores high, so this is for `bottom_k` and as a control.
/// Reads the attention row once; O(n), no allocation; accumulates.
/// Source: Xiao et al. 2023, arXiv 2309.17453 (attention sinks).
struct sink_mass {
  static constexpr std::string_view name = "sink_mass";
  static constexpr part_about about{"the weight on the first n tokens of the sequence", "sum of p_j, position of j < n",
                                    "Xiao et al. 2023, arXiv 2309.17453"};
  static constexpr bool depends_on_sequence = false;

  std::size_t n = 4;  ///< tokens at the start of the sequence; 1 to 1048576

  static constexpr auto fields =
      field_list{leading_field("n", &sink_mass::n, "tokens at the start of the sequence", {1, 1u << 20})};

  /// The keys it counts, of a row of so many.
  [[nodiscard]] HEADCOUNT_DEVICE constexpr key_range keys(site const& where, std::size_t count) const noexcept {
    return {0, keys_among_first(n, where, count)};
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
