#pragma once

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/policy/policy.hpp>

namespace headcount::v0 {

/// Throws headcount::error when a policy cannot work at a site like this one: more heads than head_set holds, heads
/// that do not share key/value heads evenly, or, in a layer that its scope names, a part that validate_part refuses.
/// Run once a layer, not per token.
template <head_policy Policy>
void validate(Policy const& policy, site const& where) {
  if (where.heads > head_set::capacity())
    throw error{text_of("layer ", where.layer), text_of("it has ", where.heads, " heads"),
                text_of("at most ", head_set::capacity())};
  if (where.group == 0 || where.heads % where.group != 0)
    throw error{text_of("layer ", where.layer),
                text_of("its ", where.heads, " heads cannot share key/value heads by ", where.group),
                "a group size that divides the heads"};
  if (!policy.where.reaches(where.layer)) return;
  validate_part(policy.score, where);
  validate_part(policy.select, where);
  validate_part(policy.mask, where);
}

}  // namespace headcount::v0
