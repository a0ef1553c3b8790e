#pragma once

#include <tuple>

#include <headcount/core/part.hpp>
#include <headcount/core/print_part.hpp>
#include <headcount/core/site.hpp>

namespace headcount::inline v0 {

/// Throws headcount::error when a part cannot work at a site like this one: a parameter out of its bounds, what the
/// part's own `validate(part, site)` says, or a part inside it that cannot work.
template <class Part>
void validate_part(Part const& part, site const& where) {
  if constexpr (is_erased_part<Part>) {
    part.validate(where);
  } else {
    check_bounds(part);
    if constexpr (requires { validate(part, where); }) validate(part, where);
    auto const validate_inner = [&]<class Value>(field<Part, Value> const& field) {
      if constexpr (is_erased_part<Value>) (part.*(field.member)).validate(where);
      else if constexpr (requires { requires is_erased_part<typename Value::value_type>; })
        for (auto const& inner : part.*(field.member)) inner.validate(where);
    };
    std::apply([&](auto const&... field) { (validate_inner(field), ...); }, fields_of<Part>());
  }
}

}  // namespace headcount::inline v0
