#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::inline v0 {

/// Room for the scores of one site.
using head_scores = std::array<double, head_set::capacity()>;

/// Stands for the evidence of a scorer that reads nothing.
struct no_evidence {
  [[nodiscard]] constexpr row_view operator()(std::size_t) const noexcept { return {}; }
};

/// Scores every head of a site, in head order, into `scores`; returns the filled part, `[head]`.
/// `evidence(head)` gives what the scorer reads of a head: an attention row, a head_query or a head_output. It is not
/// called when the scorer reads nothing.
template <class Score, class Evidence>
std::span<double const> score_heads(Score const& score, site const& where, Evidence const& evidence,
                                    head_scores& scores) noexcept {
  for (std::size_t head = 0; head < where.heads; ++head) {
    if constexpr (is_erased_part<Score>) {
      static_assert(
          requires { score(evidence(head)); },
          "headcount: any_policy reads attention rows and outputs of float; convert them, or use a policy of known "
          "parts");
      scores[head] = score.reads() == reading::nothing ? score(where, head) : score(evidence(head));
    } else if constexpr (site_scorer<Score>) {
      scores[head] = score(where, head);
    } else {
      scores[head] = score(evidence(head));
    }
  }
  return std::span{scores}.first(where.heads);
}

/// The heads that a policy keeps at a site, and in `scores` what its scorer made of every head, whether or not the
/// policy's scope reaches there. Scope, scorer and selector meet here and in the overload below, nowhere else.
template <head_policy Policy, class Evidence>
[[nodiscard]] head_set decide(Policy const& policy, site const& where, Evidence const& evidence,
                              head_scores& scores) noexcept {
  auto const scored = score_heads(policy.score, where, evidence, scores);
  return policy.where.covers(where) ? select_heads(policy.select, scored, where) : head_set::first(where.heads);
}

/// The heads that a policy keeps at a site; all of them where its scope does not reach, without scoring them.
/// O(heads * (score + select)), no allocation. `evidence` as in score_heads.
template <head_policy Policy, class Evidence>
[[nodiscard]] head_set decide(Policy const& policy, site const& where, Evidence const& evidence) noexcept {
  head_scores scores;
  return policy.where.covers(where) ? decide(policy, where, evidence, scores) : head_set::first(where.heads);
}

}  // namespace headcount::inline v0
