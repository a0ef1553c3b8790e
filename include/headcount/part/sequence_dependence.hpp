#pragma once

#include <headcount/part/part.hpp>

namespace headcount::v0 {

/// Whether a part may do different things to the same tokens in two sequences, so that what one of them read cannot
/// serve the other. A part that holds others does if one of these does; one that is told the site may look at
/// site::sequence_id, and is taken to. `static constexpr bool depends_on_sequence` in the part says so where that is
/// wrong: false for one that is told the site and does not look, true for one that holds others and does.
template <policy_part Part>
[[nodiscard]] bool part_depends_on_sequence(Part const& part, bool is_told_site) {
  bool holds_parts = false;
  bool inner_does = false;
  for_each_inner(part, [&](auto const& inner) {
    holds_parts = true;
    inner_does = inner_does || inner.depends_on_sequence();
  });
  if constexpr (requires { Part::depends_on_sequence; }) return inner_does || Part::depends_on_sequence;
  else return inner_does || (is_told_site && !holds_parts);
}

}  // namespace headcount::v0
