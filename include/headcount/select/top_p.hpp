#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/device.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/part/part.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::select {

/// Keeps the fewest heads that hold a share p of the summed score, best first.
///
///     share = max(score, 0) / sum over heads         or, with softmax=true,     e^score / sum over heads
///
/// For scores that may be negative, as entropy is, take softmax=true: otherwise such heads hold nothing and are never
/// needed. Where no head holds anything (no score is positive), all heads are kept. An infinite score holds everything;
/// NaN holds nothing. p = 0 keeps none. O(heads * heads kept), no allocation.
/// Source: own; nucleus sampling (Holtzman et al. 2019, arXiv 1904.09751) over heads.
struct top_p {
  static constexpr std::string_view name = "top_p";
  static constexpr part_about about{"the fewest heads that hold a share p of the summed score",
                                    "sum of the kept shares >= p", "own, after nucleus sampling, arXiv 1904.09751"};

  double p = 0.9;        ///< share of the summed score to hold, 0 to 1
  bool softmax = false;  ///< whether a head's share goes by e^score

  static constexpr auto fields =
      field_list{leading_field("p", &top_p::p, "share of the summed score to hold", {0.0, 1.0}),
                 named_field("softmax", &top_p::softmax, "whether a head's share goes by e^score")};

  [[nodiscard]] HEADCOUNT_DEVICE head_set operator()(std::span<double const> scores) const noexcept {
    if (scores.empty()) return {};
    double const best = scores[best_head_outside({}, scores)];
    auto const mass = [&](std::size_t head) {
      if (scores[head] != scores[head]) return 0.0;
      if (!softmax && !(best > 0)) return 0.0;
      if (scores[head] == best) return 1.0;
      return softmax ? std::exp(scores[head] - best) : (std::max)(scores[head], 0.0) / best;
    };
    // Both sums run from the best head down, so that the whole is reached, however it was rounded.
    double whole = 0;
    head_set ranked;
    for (std::size_t rank = 0; rank < scores.size(); ++rank) {
      auto const head = best_head_outside(ranked, scores);
      ranked.insert(head);
      whole += mass(head);
    }
    if (whole == 0) return p > 0 ? ranked : head_set{};
    double held = 0;
    head_set kept;
    for (std::size_t rank = 0; rank < scores.size() && held < p * whole; ++rank) {
      auto const head = best_head_outside(kept, scores);
      kept.insert(head);
      held += mass(head);
    }
    return kept;
  }
};

}  // namespace headcount::v0::select
