#pragma once

#include <headcount/core/part.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::inline v0 {

/// Writes a policy as its sentence: `score::entropy{} | select::top_k{5} | mask::zero{}`. The mask may be left out; it
/// is then zero.
template <policy_part Left, policy_part Right>
[[nodiscard]] constexpr auto operator|(Left left, Right right) {
  static_assert(scorer<Left>,
                "headcount: a policy starts with a scorer, e.g. score::entropy{} | select::top_k{5} | mask::zero{}");
  if constexpr (scorer<Left>) {
    static_assert(selector<Right>,
                  "headcount: a scorer is followed by a selector, e.g. score::entropy{} | select::top_k{5}");
    if constexpr (selector<Right>) return policy<Left, Right>{left, right};
  }
}

/// Names the mask: what becomes of the heads that are not kept.
template <scorer Score, selector Select, policy_part Right>
[[nodiscard]] constexpr auto operator|(policy<Score, Select> left, Right right) {
  static_assert(output_mask<Right>,
                "headcount: a selector is followed by a mask, e.g. select::top_k{5} | mask::zero{}");
  if constexpr (output_mask<Right>) return policy<Score, Select, Right>{left.score, left.select, right, left.where};
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

}  // namespace headcount::inline v0
