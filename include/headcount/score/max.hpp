#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/accumulator.hpp>

namespace headcount::v0::score {

/// How sure a head is: the largest weight of its row.
///
///     score = max_j p_j
///
/// Without unit, from 1 / keys (uniform) to 1 (one key); an empty row scores 0. Higher is kept first.
/// Reads the attention row once; O(keys), no allocation; accumulates.
/// Source: own; the maximum norm of the row, where l2 is the Euclidean one.
struct max {
  static constexpr std::string_view name = "max";
  static constexpr part_about about{"the largest weight of its row", "max_j p_j", "own, after l2"};

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    double largest = 0;
    for (double const p : weights)
      if (p > largest || p != p) largest = p;  // nothing is larger than NaN, so it stays
    return largest;
  }

  /// The largest weight from logits: 1 / sum e^(s - m), m the largest logit.
  struct accumulator {
    online_softmax softmax{};

    HEADCOUNT_DEVICE void add(std::size_t, double logit) noexcept { (void)softmax.add(logit); }
    HEADCOUNT_DEVICE void merge(accumulator const& others) noexcept { (void)softmax.merge(others.softmax); }
    [[nodiscard]] HEADCOUNT_DEVICE double score(max const&) const noexcept { return softmax.share(1); }
  };
  [[nodiscard]] HEADCOUNT_DEVICE constexpr accumulator start(site const&, std::size_t) const noexcept { return {}; }
  [[nodiscard]] HEADCOUNT_DEVICE constexpr bool accumulates() const noexcept { return true; }
};

}  // namespace headcount::v0::score
