#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/attention_tensors.hpp>

namespace headcount::v0 {

/// What a scorer must see before it can score a head. The later in the list, the more work must be done for heads that
/// are then dropped: nothing, input, gate and query decide before attention, row before the values are summed, output
/// after, contribution after the output projection was done once more.
enum class reading : unsigned char { nothing, input, gate, query, row, output, contribution };

template <>
inline constexpr std::array<std::string_view, 7> words_of<reading>{"nothing", "inputs",  "gates",        "queries",
                                                                   "rows",    "outputs", "contributions"};

/// What several scorers read together.
class reading_set {
 public:
  constexpr reading_set() noexcept = default;
  constexpr reading_set(reading one) noexcept : bits_{1u << static_cast<unsigned>(one)} {}

  [[nodiscard]] constexpr bool contains(reading one) const noexcept { return (bits_ & reading_set{one}.bits_) != 0; }

  /// The last in the list; nothing when the set is empty.
  [[nodiscard]] constexpr reading most() const noexcept {
    return bits_ == 0 ? reading::nothing : static_cast<reading>(std::bit_width(bits_) - 1);
  }

  constexpr reading_set& operator|=(reading_set others) noexcept {
    bits_ |= others.bits_;
    return *this;
  }

  [[nodiscard]] friend constexpr bool operator==(reading_set, reading_set) noexcept = default;

 private:
  unsigned bits_ = 0;
};

// A scorer gives one head one number; higher is kept first. It may return NaN, which is never kept by preference.
// What it reads is the argument of its call operator.

/// Knows a head's score from the site alone: random, a fixed ranking.
template <class Score>
concept site_scorer = policy_part<Score> && requires(Score const& score, site const& where, std::size_t head) {
  { score(where, head) } noexcept -> std::same_as<double>;
};

/// Reads the block's input and writes the scores of all heads, `[head]`: predictors.
template <class Score>
concept input_scorer =
    policy_part<Score> && requires(Score const& score, block_input input, site const& where, std::span<double> scores) {
      { score(input, where, scores) } noexcept -> std::same_as<void>;
    };

/// Reads the head's output gate, of models whose attention has them.
template <class Score>
concept gate_scorer = policy_part<Score> && requires(Score const& score, head_gate gate) {
  { score(gate) } noexcept -> std::same_as<double>;
};

/// Reads the head's query.
template <class Score>
concept query_scorer = policy_part<Score> && requires(Score const& score, head_query query) {
  { score(query) } noexcept -> std::same_as<double>;
};

/// Reads the head's attention row, and the site where it asks which tokens the keys are: the last key is the query's
/// own token, at site::position.
template <class Score>
concept placed_row_scorer = policy_part<Score> && requires(Score const& score, archetype::row weights, site where) {
  { score(weights, where) } noexcept -> std::same_as<double>;
};

/// Reads the head's attention row.
template <class Score>
concept row_scorer =
    placed_row_scorer<Score> || (policy_part<Score> && requires(Score const& score, archetype::row weights) {
      { score(weights) } noexcept -> std::same_as<double>;
    });

/// Reads the head's output, before the output projection.
template <class Score>
concept output_scorer = policy_part<Score> && requires(Score const& score, head_output output) {
  { score(output) } noexcept -> std::same_as<double>;
};

/// Reads the head's output and its columns of the output projection.
template <class Score>
concept contribution_scorer = policy_part<Score> && requires(Score const& score, head_contribution contribution) {
  { score(contribution) } noexcept -> std::same_as<double>;
};

/// Writes the scores of all heads, `[head]`, from whatever is known of them: what is made of other scorers. `reads()`
/// is what it must see. One that remembers has `state_size()`, see scorer_state.
template <class Score>
concept layer_scorer = policy_part<Score> && requires(Score const& score, site const& where,
                                                      attention_tensors const& tensors, std::span<double> scores) {
  { score(where, tensors, scores) } noexcept -> std::same_as<void>;
  { score.needs() } noexcept -> std::same_as<reading_set>;
};

/// How many of these a type is.
template <class Score>
inline constexpr int kinds_of_scorer =
    int{site_scorer<Score>} + int{input_scorer<Score>} + int{gate_scorer<Score>} + int{query_scorer<Score>} +
    int{row_scorer<Score>} + int{output_scorer<Score>} + int{contribution_scorer<Score>} + int{layer_scorer<Score>};

/// A scorer is exactly one of them.
template <class Score>
concept scorer = kinds_of_scorer<Score> == 1;

/// What a scorer reads, from its type; a joint scorer's type does not say.
template <scorer Score>
  requires(!layer_scorer<Score>)
inline constexpr reading reading_of = site_scorer<Score>     ? reading::nothing
                                      : input_scorer<Score>  ? reading::input
                                      : gate_scorer<Score>   ? reading::gate
                                      : query_scorer<Score>  ? reading::query
                                      : row_scorer<Score>    ? reading::row
                                      : output_scorer<Score> ? reading::output
                                                             : reading::contribution;

/// What a scorer reads, said by its type or, for a joint or erased one, by itself.
template <class Score>
[[nodiscard]] constexpr reading_set needs_of(Score const& score) noexcept {
  if constexpr (requires { score.needs(); }) return score.needs();
  else return reading_of<Score>;
}

/// Numbers a head that a scorer remembers from token to token, see scorer_state.
template <class Score>
[[nodiscard]] constexpr std::size_t state_size_of(Score const& score) noexcept {
  if constexpr (requires { score.state_size(); }) return score.state_size();
  else return 0;
}

}  // namespace headcount::v0
