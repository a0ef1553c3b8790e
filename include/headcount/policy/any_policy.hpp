#pragma once

#include <string>

#include <headcount/mask/any_mask.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/print.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/select/any_selector.hpp>

namespace headcount::v0 {

/// A policy whose parts are known at run time, e.g. from a sentence. Every other policy converts to it, and everything
/// that takes a policy takes this one; nothing is allocated after it was made.
using any_policy = policy<any_scorer, any_selector, any_mask>;

/// Whether a policy may treat the same tokens in two sequences differently, so that they cannot share a reading.
[[nodiscard]] inline bool depends_on_sequence(any_policy const& policy) {
  return policy.score.depends_on_sequence() || policy.select.depends_on_sequence() || policy.mask.depends_on_sequence();
}

/// A policy as its sentence, which parses back to it: "entropy | top_k(5) @ generation". The zero mask is left out.
template <class Score, class Select, class Mask>
[[nodiscard]] std::string print(policy<Score, Select, Mask> const& policy, files_as files = files_as::names) {
  auto text = print(policy.score, files);
  if (!text.empty()) text += " | ";
  text += print(policy.select, files);
  if (auto const mask = print(policy.mask, files); mask != print(mask::zero{})) text.append(" | ").append(mask);
  return text + print(policy.where);
}

}  // namespace headcount::v0
