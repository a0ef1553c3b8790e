#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/core/fill.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/several.hpp>

namespace headcount::v0::score {

/// Several scorers that vote by the order they put the heads in, whatever their units.
///
///     score = mean_i rank_i,    rank = heads scored lower + half of the other heads scored alike
///
/// From 0 (last by all) to heads - 1 (first by all). NaN is lower than every number, and a head that one of the scorers
/// scores NaN scores NaN. `rank_mean(entropy, output_norm)`.
/// Reads what the scorers read; O(heads^2) for each beside them, no allocation.
/// Source: the mean rank of Borda 1781, with the mid-ranks of Kendall 1945 for ties.
struct rank_mean {
  static constexpr std::string_view name = "rank_mean";
  static constexpr part_about about{"the mean of its ranks by several scorers, 0 the last", "mean_i rank_i",
                                    "Borda 1781; Kendall 1945 for ties"};

  std::vector<any_scorer> scorers{};  ///< whose orders count

  static constexpr auto fields = field_list{leading_field("scorers", &rank_mean::scorers, "whose orders count")};

  [[nodiscard]] reading_set reads() const noexcept { return reads_of_all(scorers); }
  [[nodiscard]] std::size_t state_size() const noexcept { return state_size_of_all(scorers); }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    fill(scores, 0.0);
    for_each_scorer(scorers, where, tensors, scores.size(), [&](std::size_t, std::span<double const> found) {
      for (std::size_t head = 0; head < scores.size(); ++head)
        scores[head] += rank(found, head) / static_cast<double>(scorers.size());
    });
  }

 private:
  [[nodiscard]] static double rank(std::span<double const> scores, std::size_t head) noexcept {
    if (std::isnan(scores[head])) return std::numeric_limits<double>::quiet_NaN();
    double rank = -0.5;  // the head itself is not another scored alike
    for (double const other : scores)
      rank += other < scores[head] || std::isnan(other) ? 1 : other == scores[head] ? 0.5 : 0;
    return rank;
  }
};

}  // namespace headcount::v0::score
