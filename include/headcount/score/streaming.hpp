#pragma once

#include <concepts>
#include <cstddef>

#include <headcount/core/site.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0 {

/// Starts the accumulator of a row scorer for a row of so many keys, the last of which is the query's own token: what
/// it is told is the next key's logit, after scaling and before softmax, key by key in order. The scorer must outlive
/// it.
template <row_scorer Score>
[[nodiscard]] auto start_stream(Score const& score, site const& where, std::size_t keys) noexcept {
  if constexpr (std::default_initializable<typename Score::accumulator>) return typename Score::accumulator{};
  else return typename Score::accumulator{score, where, keys};
}

/// A row scorer that an online softmax can accumulate logit by logit, so that a fused kernel needs no row.
/// `score(scorer)` is the score of the row that the logits given to `add` would have made.
template <class Score>
concept streaming_scorer =
    row_scorer<Score> && requires(Score const& score, site const& where, std::size_t keys, double logit) {
      typename Score::accumulator;
      requires noexcept(start_stream(score, where, keys).add(logit));
      { start_stream(score, where, keys).score(score) } noexcept -> std::same_as<double>;
    };

/// Whether accumulators give this very scorer's score: not where its parameters make it round the weights.
template <streaming_scorer Score>
[[nodiscard]] constexpr bool can_stream(Score const& score) noexcept {
  if constexpr (requires { score.streams(); }) return score.streams();
  else return true;
}

}  // namespace headcount::v0
