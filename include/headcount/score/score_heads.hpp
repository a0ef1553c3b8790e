#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0 {

/// Room for the scores of one site.
using head_scores = std::array<double, head_set::capacity()>;

/// The score of a row, of any numbers and however it lies in memory.
template <head_scorer Score, attention_row Row>
[[nodiscard]] double score_row(Score const& score, site const& where, Row const& weights) noexcept {
  if constexpr (takes_site<Score>) return score(weights, where);
  else return score(weights);
}

/// Scores one head from the tensors of its layer.
template <head_scorer Score>
[[nodiscard]] double score_head(Score const& score, site const& where, std::size_t head,
                                attention_tensors const& tensors) noexcept {
  if constexpr (may_read<Score>(reading::nothing)) {
    return score(where, head);
  } else if constexpr (may_read<Score>(reading::gate)) {
    return score(tensors.gates(head));
  } else if constexpr (may_read<Score>(reading::query)) {
    return score(tensors.queries(head));
  } else if constexpr (may_read<Score>(reading::row)) {
    auto const weights = tensors.rows(head);
    return weights.is_contiguous() ? score_row(score, where, weights.as_span()) : score_row(score, where, weights);
  } else if constexpr (may_read<Score>(reading::output)) {
    return score(tensors.outputs(head));
  } else {
    return score(head_contribution{tensors.outputs(head).values, tensors.projection[head]});
  }
}

/// Scores every head of a site; `scores` has one number a head. No allocation.
template <class Score>
void score_heads(Score const& score, site const& where, attention_tensors const& tensors,
                 std::span<double> scores) noexcept {
  if constexpr (head_scorer<Score>)
    for (std::size_t head = 0; head < scores.size(); ++head) scores[head] = score_head(score, where, head, tensors);
  else score(where, tensors, scores);
}

}  // namespace headcount::v0
