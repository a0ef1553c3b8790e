#pragma once

#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0 {

/// Throws headcount::error when a part cannot work at a site like this one: a parameter out of its bounds, what the
/// part's own `validate(part, site)` says, or a part inside it that cannot work.
template <class Part>
void validate_part(Part const& part, site const& where) {
  if constexpr (is_erased_part<Part>) {
    part.validate(where);
  } else {
    check_part<Part>();
    check_bounds(part);
    if constexpr (requires { validate(part, where); }) validate(part, where);
    for_each_inner(part, [&](auto const& inner) { inner.validate(where); });
  }
}

}  // namespace headcount::v0
