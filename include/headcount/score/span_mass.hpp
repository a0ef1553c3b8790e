#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/index_range.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/mass.hpp>

namespace headcount::v0::score {

/// How much a head attends to given tokens, e.g. a needle's: the weight on positions of its sequence.
///
///     score = sum over keys at `positions` of p_j
///
/// A share, from 0 to 1; positions not seen yet, or dropped by a sliding window, hold no weight. Higher is kept first.
/// Reads the attention row once; O(positions in it), no allocation; accumulates.
/// Source: the attention to the needle by which retrieval heads are found, Wu et al. 2024, arXiv 2404.15574; as the sum
/// of weights, own.
struct span_mass {
  static constexpr std::string_view name = "span_mass";
  static constexpr part_about about{"the weight on given tokens of the sequence",
                                    "sum of p_j, position of j in positions",
                                    "own, after Wu et al. 2024, arXiv 2404.15574"};
  static constexpr bool depends_on_sequence = false;

  token_positions positions{};  ///< the tokens that count

  static constexpr auto fields = field_list{leading_field("positions", &span_mass::positions, "the tokens that count")};

  [[nodiscard]] double operator()(attention_row auto const& weights, site const& where) const noexcept {
    auto const keys = std::ranges::size(weights);
    double mass = 0;
    positions.for_each_in_row(where.position + 1 - keys, keys, [&](std::size_t begin, std::size_t end) {
      mass += mass_on(key_range{begin, end}, weights);
    });
    return mass;
  }

  /// Refers to the scorer's positions.
  struct accumulator {
    std::span<index_range const> positions{};
    std::size_t first = 0;  ///< position of key 0
    mass_accumulator sums{};

    HEADCOUNT_DEVICE void add(std::size_t key, double logit) noexcept {
      bool counts = false;
      for (auto const range : positions) counts = counts || (range.first <= first + key && first + key <= range.last);
      sums.add_if(counts, logit);
    }
    HEADCOUNT_DEVICE void merge(accumulator const& others) noexcept { sums.merge(others.sums); }
    [[nodiscard]] HEADCOUNT_DEVICE double score(span_mass const& how) const noexcept { return sums.score(how); }
  };
  [[nodiscard]] accumulator start(site const& where, std::size_t keys) const noexcept {
    return {.positions = {positions.begin(), positions.end()}, .first = where.position + 1 - keys};
  }
  [[nodiscard]] constexpr bool accumulates() const noexcept { return true; }
};

}  // namespace headcount::v0::score
