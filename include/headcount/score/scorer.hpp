#pragma once

#include <concepts>
#include <cstddef>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/part.hpp>
#include <headcount/core/site.hpp>

namespace headcount::inline v0 {

/// What a scorer must see before it can score a head. The later in the list, the more work must be done for heads that
/// are then dropped: nothing and query decide before attention, row before the values are summed, output after.
enum class reading : unsigned char { nothing, query, row, output };

// A scorer gives one head one number; higher is kept first. It may return NaN, which is never kept by preference.
// What it reads is the argument of its call operator.

/// Knows a head's score from the site alone: random, a fixed ranking.
template <class Score>
concept site_scorer = policy_part<Score> && requires(Score const& score, site const& where, std::size_t head) {
  { score(where, head) } noexcept -> std::same_as<double>;
};

/// Reads the head's query.
template <class Score>
concept query_scorer = policy_part<Score> && requires(Score const& score, head_query query) {
  { score(query) } noexcept -> std::same_as<double>;
};

/// Reads the head's attention row.
template <class Score>
concept row_scorer = policy_part<Score> && requires(Score const& score, archetype::row weights) {
  { score(weights) } noexcept -> std::same_as<double>;
};

/// Reads the head's output, before the output projection.
template <class Score>
concept output_scorer = policy_part<Score> && requires(Score const& score, head_output output) {
  { score(output) } noexcept -> std::same_as<double>;
};

/// How many of the four a type is.
template <class Score>
inline constexpr int kinds_of_scorer =
    int{site_scorer<Score>} + int{query_scorer<Score>} + int{row_scorer<Score>} + int{output_scorer<Score>};

/// A scorer reads exactly one of the four.
template <class Score>
concept scorer = kinds_of_scorer<Score> == 1;

/// What a scorer reads, from its type.
template <scorer Score>
inline constexpr reading reading_of = site_scorer<Score>    ? reading::nothing
                                      : query_scorer<Score> ? reading::query
                                      : row_scorer<Score>   ? reading::row
                                                            : reading::output;

/// A row scorer that an online softmax can accumulate logit by logit, so that a fused kernel needs no row.
/// `accumulator` starts empty; `add(logit)` takes the next key's logit, after scaling and before softmax;
/// `score(scorer)` is the score of the row those logits would have made.
template <class Score>
concept streaming_scorer = row_scorer<Score> && std::default_initializable<typename Score::accumulator> &&
                           requires(Score const& score, typename Score::accumulator sum,
                                    typename Score::accumulator const& done, double logit) {
                             { sum.add(logit) } noexcept;
                             { done.score(score) } noexcept -> std::same_as<double>;
                           };

}  // namespace headcount::inline v0
