#pragma once

#include <string>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/part.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/print.hpp>

namespace headcount::inline v0 {

/// Throws headcount::error when a part cannot work at a site like this one: a parameter out of its bounds, or what the
/// part's own `validate(part, site)` says.
template <class Part>
void validate_part(Part const& part, site const& where) {
  if constexpr (is_erased_part<Part>) {
    part.validate(where);
  } else {
    check_bounds(part);
    if constexpr (requires { validate(part, where); }) validate(part, where);
  }
}

/// Throws headcount::error when a policy cannot work at a site like this one: more heads than head_set holds, or a part
/// that validate_part refuses. Run once a layer, not per token.
template <head_policy Policy>
void validate(Policy const& policy, site const& where) {
  if (where.heads > head_set::capacity())
    throw error{text_of("layer ", where.layer), text_of("it has ", where.heads, " heads"),
                text_of("at most ", head_set::capacity())};
  validate_part(policy.score, where);
  validate_part(policy.select, where);
  validate_part(policy.mask, where);
}

}  // namespace headcount::inline v0
