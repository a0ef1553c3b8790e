#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

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

/// What a scorer reads: nothing else, or several things where it is made of others.
class reading_set {
 public:
  constexpr reading_set() noexcept = default;
  constexpr reading_set(reading one) noexcept : bits_{(1u << static_cast<unsigned>(one)) & ~1u} {}

  [[nodiscard]] constexpr bool contains(reading one) const noexcept { return (bits_ & reading_set{one}.bits_) != 0; }

  /// The last in the list, which says when heads can be chosen; nothing when the set is empty.
  [[nodiscard]] constexpr reading last() const noexcept {
    return bits_ == 0 ? reading::nothing : static_cast<reading>(std::bit_width(bits_) - 1);
  }

  [[nodiscard]] friend constexpr reading_set operator|(reading_set a, reading_set b) noexcept {
    a.bits_ |= b.bits_;
    return a;
  }
  /// What is in `a` and not in `b`.
  [[nodiscard]] friend constexpr reading_set operator-(reading_set a, reading_set b) noexcept {
    a.bits_ &= ~b.bits_;
    return a;
  }
  [[nodiscard]] friend constexpr bool operator==(reading_set, reading_set) noexcept = default;

 private:
  unsigned bits_ = 0;
};

// There are two kinds of scorers. Higher scores are kept first; NaN is never kept by preference.
//
// A head scorer gives one head one number. What it takes is what it reads:
//
//     double operator()(site const&, std::size_t head)         nothing: random, a fixed ranking
//     double operator()(head_gate)                             how far its output gate is open
//     double operator()(head_query)                            the head's query
//     double operator()(attention_row auto const&[, site])     its attention row; with the site, which tokens the keys
//                                                              are: the last is the query's own, at site::position
//     double operator()(head_output)                           its output, before the output projection
//     double operator()(head_contribution)                     its output and its columns of the projection
//
// A layer scorer writes the scores of all heads, from what it says it reads and remembers:
//
//     void operator()(site const&, attention_tensors const&, std::span<double> scores)
//     reading_set reads()          static and constexpr where its type says it
//     std::size_t state_size()     numbers a head remembered from token to token, see scorer_state; 0 for none
//
// All are const and noexcept.

/// Gives a number for this evidence as a scorer must.
template <class Score, class... Evidence>
concept scores_by = requires(Score const& score, Evidence const&... evidence) {
  { score(evidence...) } noexcept -> std::same_as<double>;
};

/// Asks for the site: which head it is, or which tokens a row's keys are.
template <class Score>
inline constexpr bool takes_site = scores_by<Score, site, std::size_t> || scores_by<Score, row_view, site>;

/// What the type takes of a head, a bit for each reading.
template <class Score>
inline constexpr unsigned evidence_of =
    unsigned{scores_by<Score, site, std::size_t>} << static_cast<unsigned>(reading::nothing) |
    unsigned{scores_by<Score, head_gate>} << static_cast<unsigned>(reading::gate) |
    unsigned{scores_by<Score, head_query>} << static_cast<unsigned>(reading::query) |
    unsigned{scores_by<Score, row_view> || scores_by<Score, row_view, site>} << static_cast<unsigned>(reading::row) |
    unsigned{scores_by<Score, head_output>} << static_cast<unsigned>(reading::output) |
    unsigned{scores_by<Score, head_contribution>} << static_cast<unsigned>(reading::contribution);

/// Scores one head by one thing.
template <class Score>
concept head_scorer = policy_part<Score> && std::has_single_bit(evidence_of<Score>);

/// Scores all heads of a layer.
template <class Score>
concept layer_scorer =
    requires(Score const& score, site const& where, attention_tensors const& tensors, std::span<double> scores) {
      { score(where, tensors, scores) } noexcept -> std::same_as<void>;
      { score.reads() } noexcept -> std::same_as<reading_set>;
      { score.state_size() } noexcept -> std::same_as<std::size_t>;
    };

/// A scorer is one of them.
template <class Score>
concept scorer = policy_part<Score> && head_scorer<Score> != layer_scorer<Score>;

/// What a scorer reads.
template <class Score>
[[nodiscard]] constexpr reading_set reads_of([[maybe_unused]] Score const& score) noexcept {
  if constexpr (head_scorer<Score>) return static_cast<reading>(std::countr_zero(evidence_of<Score>));
  else return score.reads();
}

/// Whether a scorer of this type can read something, for what is decided at compile time: true for everything where
/// only the scorer itself knows.
template <class Score>
[[nodiscard]] constexpr bool may_read(reading what) noexcept {
  constexpr auto says = [](reading_set set, reading one) {
    return one == reading::nothing ? set == reading::nothing : set.contains(one);
  };
  if constexpr (head_scorer<Score>) return says(static_cast<reading>(std::countr_zero(evidence_of<Score>)), what);
  else if constexpr (requires { typename std::bool_constant<(Score::reads(), true)>; })
    return says(Score::reads(), what);
  else return true;
}

/// Numbers a head that a scorer or selector remembers from token to token.
template <class Part>
[[nodiscard]] constexpr std::size_t state_size_of([[maybe_unused]] Part const& part) noexcept {
  if constexpr (requires { part.state_size(); }) return part.state_size();
  else return 0;
}

}  // namespace headcount::v0
