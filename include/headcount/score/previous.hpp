#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::score {

/// What another scorer made of the head at the token before: how fast do good heads change?
///
///     score_t = inner_(t-1)
///
/// In the inner scorer's unit. A head of which nothing is remembered, at the first token or after a score of NaN, gets
/// its present score. The token before is the last one at which the policy was asked: outside its scope it is not.
/// Reads what the inner scorer reads, and remembers one number a head (scorer_state); O(heads) beside it, no
/// allocation. Source: own; the least that a runtime policy needs to know a token ahead.
struct previous {
  static constexpr std::string_view name = "previous";
  static constexpr part_about about{"what another scorer gave it at the token before", "inner_(t-1)", "own"};

  any_scorer inner{};  ///< whose scores are remembered

  static constexpr auto fields = field_list{leading_field("inner", &previous::inner, "whose scores are remembered")};

  [[nodiscard]] reading_set reads() const noexcept { return inner.reads(); }
  [[nodiscard]] std::size_t state_size() const noexcept { return 1 + inner.state_size(); }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    auto rest = tensors;
    auto const before = take_memory(rest, scores.size());
    inner(where, rest, scores);
    for (std::size_t head = 0; head < before.size(); ++head) {
      auto const now = scores[head];
      if (!std::isnan(before[head])) scores[head] = before[head];
      before[head] = now;
    }
  }
};

}  // namespace headcount::v0::score
