#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0 {

/// Room for the scores of one site.
using head_scores = std::array<double, head_set::capacity()>;

/// The score of a row, of any numbers and however it lies in memory.
template <row_scorer Score, attention_row Row>
[[nodiscard]] double score_row(Score const& score, site const& where, Row const& weights) noexcept {
  if constexpr (placed_row_scorer<Score>) return score(weights, where);
  else return score(weights);
}

/// Scores one head with a scorer of single heads, from what is known of it.
template <scorer Score>
  requires(!layer_scorer<Score> && !input_scorer<Score>)
[[nodiscard]] double score_head(Score const& score, site const& where, std::size_t head,
                                attention_tensors const& tensors) noexcept {
  if constexpr (site_scorer<Score>) {
    return score(where, head);
  } else if constexpr (gate_scorer<Score>) {
    return score(tensors.gates(head));
  } else if constexpr (query_scorer<Score>) {
    return score(tensors.queries(head));
  } else if constexpr (row_scorer<Score>) {
    auto const weights = tensors.rows(head);
    return weights.is_contiguous() ? score_row(score, where, weights.as_span()) : score_row(score, where, weights);
  } else if constexpr (output_scorer<Score>) {
    return score(tensors.outputs(head));
  } else {
    return score(head_contribution{tensors.outputs(head).values, tensors.projection[head]});
  }
}

/// Scores every head of a site from what is known of them; `scores` has one number a head. No allocation.
template <class Score>
  requires(scorer<Score> || is_erased_part<Score>)
void score_heads(Score const& score, site const& where, attention_tensors const& tensors,
                 std::span<double> scores) noexcept {
  if constexpr (is_erased_part<Score> || layer_scorer<Score>) {
    score(where, tensors, scores);
  } else if constexpr (input_scorer<Score>) {
    score(tensors.input, where, scores);
  } else {
    for (std::size_t head = 0; head < scores.size(); ++head) scores[head] = score_head(score, where, head, tensors);
  }
}

}  // namespace headcount::v0
