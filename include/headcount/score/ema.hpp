#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::score {

/// A head's score smoothed over tokens: the exponentially decaying mean of another scorer.
///
///     score_t = decay * score_(t-1) + (1 - decay) * inner_t,    score_0 = inner_0
///
/// In the inner scorer's unit; decay 0 is the inner scorer, and of decay d a score counts for about 1 / (1 - d) tokens.
/// A head of which nothing is remembered, at the first token or after a score of NaN, gets its present score. Tokens
/// outside the policy's scope do not count.
/// Reads what the inner scorer reads, and remembers one number a head (scorer_state); O(heads) beside it, no
/// allocation. Source: Brown 1956, exponential smoothing; of head scores, own.
struct ema {
  static constexpr std::string_view name = "ema";
  static constexpr part_about about{"another scorer's score smoothed over tokens",
                                    "decay score_(t-1) + (1 - decay) inner_t", "Brown 1956"};

  double decay = 0.9;  ///< how much the past counts; 0 to 0.999999
  any_scorer inner{};  ///< whose scores are smoothed

  static constexpr auto fields =
      field_list{leading_field("decay", &ema::decay, "how much the past counts", {0.0, 0.999999}),
                 leading_field("inner", &ema::inner, "whose scores are smoothed")};

  [[nodiscard]] reading_set reads() const noexcept { return inner.reads(); }
  [[nodiscard]] std::size_t state_size() const noexcept { return 1 + inner.state_size(); }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    auto rest = tensors;
    auto const mean = take_memory(rest, scores.size());
    inner(where, rest, scores);
    for (std::size_t head = 0; head < mean.size(); ++head) {
      if (!std::isnan(mean[head])) scores[head] = decay * mean[head] + (1 - decay) * scores[head];
      mean[head] = scores[head];
    }
  }
};

}  // namespace headcount::v0::score
