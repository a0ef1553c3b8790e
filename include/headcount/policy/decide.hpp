#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
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

/// One kind of evidence as a part of all that is known: what `evidence(head)` gives says which. `evidence` must outlive
/// it.
template <class Evidence>
[[nodiscard]] attention_tensors tensors_from(Evidence const& evidence) noexcept {
  using given = std::invoke_result_t<Evidence const&, std::size_t>;
  static_assert(
      std::convertible_to<given, head_gate> || std::convertible_to<given, head_query> ||
          std::convertible_to<given, head_output> || std::convertible_to<given, row_view>,
      "headcount: any_policy reads attention rows and outputs of float; convert them, or use a policy of known "
      "parts");
  attention_tensors tensors;
  if constexpr (std::convertible_to<given, head_gate>) tensors.gates = evidence;
  else if constexpr (std::convertible_to<given, head_query>) tensors.queries = evidence;
  else if constexpr (std::convertible_to<given, head_output>) tensors.outputs = evidence;
  else if constexpr (std::convertible_to<given, row_view>) tensors.rows = evidence;
  return tensors;
}

/// Scores every head of a site, in head order, into `scores`; returns the filled part, `[head]`.
/// `evidence` is all that is known (attention_tensors), or a callable: `evidence(head)` gives what the scorer reads of
/// a head, an attention row, a head_gate, a head_query or a head_output. It is not called when the scorer reads
/// nothing.
template <class Score, class Evidence>
std::span<double const> score_site(Score const& score, site const& where, Evidence const& evidence,
                                   head_scores& scores) noexcept {
  auto const filled = std::span{scores}.first(where.heads);
  if constexpr (std::same_as<Evidence, attention_tensors>) {
    score_heads(score, where, evidence, filled);
  } else if constexpr (head_scorer<Score>) {
    if constexpr (may_read<Score>(reading::nothing)) {
      score_heads(score, where, attention_tensors{}, filled);
    } else if constexpr (may_read<Score>(reading::row)) {  // rows of any numbers, not of floats alone
      static_assert(
          requires { score_row(score, where, evidence(0)); },
          "headcount: this scorer reads attention rows, and the evidence gives something else");
      for (std::size_t head = 0; head < where.heads; ++head) filled[head] = score_row(score, where, evidence(head));
    } else {
      static_assert(
          requires { score(evidence(0)); },
          "headcount: the evidence is not what this scorer reads; give it attention_tensors or that");
      for (std::size_t head = 0; head < where.heads; ++head) filled[head] = score(evidence(head));
    }
  } else {
    score_heads(score, where, tensors_from(evidence), filled);
  }
  return filled;
}

/// The heads that a policy keeps at a site, and in `scores` what its scorer made of every head, whether or not the
/// policy's scope reaches there. Scope, scorer and selector meet here and in the overload below, nowhere else.
template <head_policy Policy, class Evidence>
[[nodiscard]] head_set decide(Policy const& policy, site const& where, Evidence const& evidence,
                              head_scores& scores) noexcept {
  auto const scored = score_site(policy.score, where, evidence, scores);
  if (!policy.where.covers(where)) return head_set::first(where.heads);
  std::span<double> memory;
  if constexpr (std::same_as<Evidence, attention_tensors>)
    if (auto const own = state_size_of(policy.select) * where.heads; own <= evidence.memory.size())
      memory = evidence.memory.last(own);
  return select_heads(policy.select, scored, where, memory);
}

/// The heads that a policy keeps at a site; all of them where its scope does not reach, without scoring them.
/// O(heads * (score + select)), no allocation. `evidence` as in score_site.
template <head_policy Policy, class Evidence>
[[nodiscard]] head_set decide(Policy const& policy, site const& where, Evidence const& evidence) noexcept {
  head_scores scores;
  return policy.where.covers(where) ? decide(policy, where, evidence, scores) : head_set::first(where.heads);
}

}  // namespace headcount::v0
