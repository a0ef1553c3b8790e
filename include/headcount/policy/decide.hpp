#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/score_heads.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0 {

/// Stands for the evidence of a scorer that reads nothing.
struct no_evidence {
  [[nodiscard]] constexpr row_view operator()(std::size_t) const noexcept { return {}; }
};

/// What `evidence(head)` gives of a head.
template <class Evidence>
[[nodiscard]] consteval reading reading_of() noexcept {
  using given = std::invoke_result_t<Evidence const&, std::size_t>;
  if constexpr (std::same_as<Evidence, no_evidence>) return reading::nothing;
  else if constexpr (std::convertible_to<given, head_gate>) return reading::gate;
  else if constexpr (std::convertible_to<given, head_query>) return reading::query;
  else if constexpr (std::convertible_to<given, head_output>) return reading::output;
  else if constexpr (std::convertible_to<given, row_view>) return reading::row;
  else
    static_assert(sizeof(Evidence) == 0,
                  "headcount: any_policy reads rows and outputs that are views of floats, e.g. std::span<float const>, "
                  "not vectors that die or other numbers; give those, or use a policy of known parts");
}

/// One kind of evidence as a part of all that is known: what `evidence(head)` gives says which. `evidence` must outlive
/// it.
template <class Evidence>
[[nodiscard]] attention_tensors tensors_from(Evidence const& evidence) noexcept {
  constexpr auto given = reading_of<Evidence>();
  attention_tensors tensors;
  if constexpr (given == reading::gate) tensors.gates = evidence;
  else if constexpr (given == reading::query) tensors.queries = evidence;
  else if constexpr (given == reading::output) tensors.outputs = evidence;
  else if constexpr (given == reading::row) tensors.rows = evidence;
  return tensors;
}

/// Whether a scorer's type says that a callable is what it reads. If not, it is asked when it is there, and one that
/// does not fit is told as an error.
template <class Score, class Evidence>
inline constexpr bool fits_by_type = std::same_as<Evidence, attention_tensors> || head_scorer<Score>;

/// Whether deciding by this evidence throws nothing: a callable remembers nothing, which is told a policy that does.
template <class Policy, class Evidence>
inline constexpr bool decides_quietly =
    fits_by_type<decltype(Policy::score), Evidence> &&
    (std::same_as<Evidence, attention_tensors> || !selector_takes<decltype(Policy::select)>.state);

/// Throws headcount::error for a part that remembers, where nobody does.
template <class Part>
void require_memory(Part const& part, std::size_t heads, std::span<double const> memory = {}) {
  if (memory.size() < state_size_of(part) * heads)
    fail("decide", "the policy remembers from token to token, the evidence does not",
         "attention_tensors with the memory of a scorer_state");
}

/// Throws what `validate` throws for more heads than head_set holds: no decision is right, and where deciding throws
/// nothing the program ends with that sentence.
inline void require_room(site const& where) {
  if (where.heads > head_set::capacity())
    fail(text_of("layer ", where.layer), text_of("it has ", where.heads, " heads"),
         text_of("at most ", head_set::capacity()));
}

/// Throws headcount::error when a scorer reads anything but what is given.
template <class Score>
void require_reads_only(Score const& score, reading given) {
  if (auto const missing = (reads_of(score) - given).last(); missing != reading::nothing)
    fail("decide", text_of("the policy's scorer reads ", word_of(missing), ", the evidence gives ", word_of(given)),
         "attention_tensors with all that it reads");
}

/// Scores every head of a site, in head order, into `scores`; returns the filled part, `[head]`.
/// `evidence` is all that is known (attention_tensors), or a callable: `evidence(head)` gives what the scorer reads of
/// a head, an attention row, a head_gate, a head_query or a head_output. It is not called when the scorer reads
/// nothing; evidence that the scorer does not read does not compile, or, where only the scorer itself knows what it
/// reads (any_scorer), is a headcount::error, and so is a callable for a scorer that remembers.
template <class Score, class Evidence>
std::span<double const> score_site(Score const& score, site const& where, Evidence const& evidence,
                                   head_scores& scores) noexcept(fits_by_type<Score, Evidence>) {
  require_room(where);
  auto const filled = std::span{scores}.first(where.heads);
  if constexpr (std::same_as<Evidence, attention_tensors>) {
    score_heads(score, where, evidence, filled);
  } else if constexpr (head_scorer<Score>) {
    if constexpr (may_read<Score>(reading::nothing)) {
      score_heads(score, where, attention_tensors{}, filled);
    } else if constexpr (may_read<Score>(reading::row)) {  // rows of any numbers, not of floats alone
      static_assert(
          requires { score_row(score, where, evidence(0)); },
          "headcount: this scorer reads attention rows: evidence(head) gives a range of numbers of known size, e.g. "
          "std::span<float const>; this evidence does not");
      for (std::size_t head = 0; head < where.heads; ++head) filled[head] = score_row(score, where, evidence(head));
    } else {
      static_assert(
          requires { score(evidence(0)); },
          "headcount: the evidence is not what this scorer reads; give it attention_tensors or that");
      for (std::size_t head = 0; head < where.heads; ++head) filled[head] = score(evidence(head));
    }
  } else {
    require_reads_only(score, reading_of<Evidence>());
    require_memory(score, where.heads);
    score_heads(score, where, tensors_from(evidence), filled);
  }
  return filled;
}

/// The heads that a policy keeps at a site, and in `scores` what its scorer made of every head, whether or not the
/// policy's scope reaches there. Scope, scorer and selector meet here and in the overload below, nowhere else. With a
/// callable, `memory` is what the selector remembers, `[number, head]`; attention_tensors have their own.
template <head_policy Policy, class Evidence>
[[nodiscard]] head_set decide(Policy const& policy, site const& where, Evidence const& evidence, head_scores& scores,
                              std::span<double> memory = {}) noexcept(decides_quietly<Policy, Evidence>) {
  auto const scored = score_site(policy.score, where, evidence, scores);
  if (!policy.where.covers(where)) return head_set::first(where.heads);
  if constexpr (std::same_as<Evidence, attention_tensors>) {
    if (auto const own = state_size_of(policy.select) * where.heads; own <= evidence.memory.size())
      memory = evidence.memory.last(own);
  } else if constexpr (!decides_quietly<Policy, Evidence>) {
    require_memory(policy.select, where.heads, memory);
  }
  return select_heads(policy.select, scored, where, memory);
}

/// The heads that a policy keeps at a site; all of them where its scope does not reach, without scoring them.
/// O(heads * (score + select)), no allocation. `evidence` as in score_site.
template <head_policy Policy, class Evidence>
[[nodiscard]] head_set decide(Policy const& policy, site const& where,
                              Evidence const& evidence) noexcept(decides_quietly<Policy, Evidence>) {
  head_scores scores;
  return policy.where.covers(where) ? decide(policy, where, evidence, scores) : head_set::first(where.heads);
}

}  // namespace headcount::v0
