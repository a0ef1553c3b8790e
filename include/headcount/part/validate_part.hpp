#pragma once

#include <concepts>
#include <optional>

#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0 {

/// Whether a part says itself where it cannot work.
template <class Part>
concept finds_mistakes = requires(Part const& part, site const& where) {
  { find_mistake(part, where) } -> std::convertible_to<std::optional<error>>;
};

/// Why a part cannot work at a site like this one: a parameter out of its bounds, what the part's own
/// `find_mistake(part, site)` says, or a part inside it that cannot work. None where it can.
template <class Part>
[[nodiscard]] std::optional<error> find_part_mistake(Part const& part, site const& where) {
  if constexpr (is_erased_part<Part>) {
    return part.find_mistake(where);
  } else {
    check_part<Part>();
    std::optional<error> found = find_out_of_bounds(part);
    if constexpr (finds_mistakes<Part>)
      if (!found) found = find_mistake(part, where);
    for_each_inner(part, [&](auto const& inner) {
      if (!found) found = inner.find_mistake(where);
    });
    return found;
  }
}

/// Throws headcount::error where a part cannot work at a site like this one.
template <class Part>
void validate_part(Part const& part, site const& where) {
  if (auto const found = find_part_mistake(part, where)) raise(*found);
}

}  // namespace headcount::v0
