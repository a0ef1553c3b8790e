#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/site.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/score/accumulator.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0 {

/// What was meant to be a head scorer, whether or not it is called as one must be.
template <class Part, class... Evidence>
concept meant_for = requires(Part& part, Evidence const&... evidence) {
  { part(evidence...) } -> std::convertible_to<double>;
};
template <class Part>
concept meant_as_scorer =
    meant_for<Part, site, std::size_t> || meant_for<Part, head_gate> || meant_for<Part, head_query> ||
    meant_for<Part, row_view> || meant_for<Part, std::span<float const>> || meant_for<Part, row_view, site> ||
    meant_for<Part, head_output> || meant_for<Part, head_contribution>;

/// Refuses what is no scorer, saying why.
template <policy_part Score>
struct check_scorer : check_part<Score> {
  static_assert(
      std::popcount(evidence_of<Score>) <= 1,
      "headcount: a scorer reads one thing: the site, a head_gate, a head_query, an attention_row, a head_output or a "
      "head_contribution");
  static_assert(evidence_of<Score> != 0 || !meant_as_scorer<Score>,
                "headcount: a scorer's call operator is const noexcept and returns double; of a row, it takes any "
                "attention_row");
  static_assert(
      layer_scorer<Score> || !requires(Score const& score, site const& where, attention_tensors const& tensors,
                                       std::span<double> scores) { score(where, tensors, scores); },
      "headcount: a scorer of a layer is called with (site, attention_tensors, scores) and says reads() and "
      "state_size()");
  static_assert(scorer<Score>,
                "headcount: a policy starts with a scorer, e.g. score::entropy{} | select::top_k{5} | mask::zero{}");
  static_assert(
      !requires { typename Score::accumulator; } || accumulated_scorer<Score>,
      "headcount: a scorer's accumulator has add, merge and score, its scorer start and accumulates");
};

/// Refuses what is no selector, saying why.
template <policy_part Select>
struct check_selector : check_part<Select> {
  static_assert(
      selector_takes<Select>.state || !requires(Select const& select, std::span<double const> scores, site const& where,
                                                std::span<double> state) { select(scores, where, state); },
      "headcount: a selector that takes its state says state_size(), both const noexcept");
  static_assert(selector<Select>,
                "headcount: a scorer is followed by a selector, e.g. score::entropy{} | select::top_k{5}");
  static_assert(
      selector_takes<Select>.state || !requires { &Select::state_size; },
      "headcount: a selector that remembers takes its state after the scores and the site");
};

/// Refuses what is no mask, saying why.
template <policy_part Mask>
struct check_mask : check_part<Mask> {
  static_assert(says_factors<Mask> || !(masks_output<Mask> || masks_site<Mask> || masks_attention<Mask>),
                "headcount: a mask says `mask_factors factors(kept, heads)` const noexcept; {} multiplies nothing");
  static_assert(head_mask<Mask>, "headcount: a selector is followed by a mask, e.g. select::top_k{5} | mask::zero{}");
};

/// Writes a policy as its sentence: `score::entropy{} | select::top_k{5} | mask::zero{}`. The mask may be left out; it
/// is then zero.
template <class Left, class Right>
  requires(!head_policy<Left> && (policy_part<Left> || policy_part<Right>))
[[nodiscard]] constexpr auto operator|(Left left, Right right) {
  static_assert(policy_part<Left> && policy_part<Right>,
                "headcount: a part is an aggregate that has `static constexpr std::string_view name`");
  if constexpr (policy_part<Left> && policy_part<Right>) {
    check_scorer<Left>();
    if constexpr (scorer<Left>) check_selector<Right>();
    if constexpr (scorer<Left> && selector<Right>) return policy_without_mask<Left, Right>{left, right};
  }
}

/// Names the mask: what becomes of the heads that are not kept.
template <scorer Score, selector Select, policy_part Right>
[[nodiscard]] constexpr auto operator|(policy_without_mask<Score, Select> left, Right right) {
  check_mask<Right>();
  if constexpr (head_mask<Right>) return policy<Score, Select, Right>{left.score, left.select, right, left.where};
}

/// Refuses a second one.
template <scorer Score, selector Select, head_mask Mask, policy_part Right>
constexpr policy<Score, Select, Mask> operator|(policy<Score, Select, Mask> const& left, Right const&) {
  static_assert(std::same_as<Right, void>,
                "headcount: a policy has one mask, after its selector, e.g. select::top_k{5} | mask::zero{}");
  return left;
}

// Argument-dependent lookup finds the operator as soon as one operand is ours.
namespace score {
using headcount::v0::operator|;
}
namespace select {
using headcount::v0::operator|;
}
namespace mask {
using headcount::v0::operator|;
}

}  // namespace headcount::v0
