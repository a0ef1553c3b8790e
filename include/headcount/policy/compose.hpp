#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/site.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/part/part.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0 {

/// What gives a number for a piece of evidence, whether or not it does so as a scorer must.
template <class Part, class... Evidence>
concept gives_number = requires(Part& part, Evidence const&... evidence) {
  { part(evidence...) } -> std::convertible_to<double>;
};

/// What was meant to be a scorer.
template <class Part>
concept called_as_scorer =
    gives_number<Part, site, std::size_t> || gives_number<Part, head_gate> || gives_number<Part, head_query> ||
    gives_number<Part, row_view> || gives_number<Part, std::span<float const>> || gives_number<Part, row_view, site> ||
    gives_number<Part, head_output> || gives_number<Part, head_contribution>;

/// Writes a policy as its sentence: `score::entropy{} | select::top_k{5} | mask::zero{}`. The mask may be left out; it
/// is then zero.
template <class Left, class Right>
  requires(!head_policy<Left> && (policy_part<Left> || policy_part<Right>))
[[nodiscard]] constexpr auto operator|(Left left, Right right) {
  static_assert(policy_part<Left> && policy_part<Right>,
                "headcount: a part is an aggregate that has `static constexpr std::string_view name`");
  static_assert(
      kinds_of_scorer<Left> <= 1,
      "headcount: a scorer reads one thing: the site, a block_input, a head_query, an attention_row, a head_output "
      "or a head_contribution");
  static_assert(kinds_of_scorer<Left> == 1 || !called_as_scorer<Left>,
                "headcount: a scorer's call operator is const noexcept and returns double; of a row, it takes any "
                "attention_row");
  static_assert(scorer<Left>,
                "headcount: a policy starts with a scorer, e.g. score::entropy{} | select::top_k{5} | mask::zero{}");
  if constexpr (scorer<Left>) {
    static_assert(selector<Right>,
                  "headcount: a scorer is followed by a selector, e.g. score::entropy{} | select::top_k{5}");
    if constexpr (selector<Right>) return policy<Left, Right>{left, right};
  }
}

/// Names the mask: what becomes of the heads that are not kept.
template <scorer Score, selector Select, head_mask Mask, policy_part Right>
[[nodiscard]] constexpr auto operator|(policy<Score, Select, Mask> left, Right right) {
  static_assert(std::same_as<Mask, mask::zero>, "headcount: a policy has one mask");
  static_assert(head_mask<Right>, "headcount: a selector is followed by a mask, e.g. select::top_k{5} | mask::zero{}");
  if constexpr (head_mask<Right>) return policy<Score, Select, Right>{left.score, left.select, right, left.where};
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
