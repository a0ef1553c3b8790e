#pragma once

#include <headcount/core/part.hpp>
#include <headcount/core/print_part.hpp>
#include <headcount/core/site.hpp>

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

}  // namespace headcount::inline v0
