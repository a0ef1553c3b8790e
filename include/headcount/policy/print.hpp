#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <headcount/core/head_set.hpp>
#include <headcount/core/index_ranges.hpp>
#include <headcount/core/index_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/policy/scope.hpp>

namespace headcount::v0 {

/// Members of a set as sentences write them, e.g. "2,5-7".
template <std::size_t Capacity>
[[nodiscard]] std::string print(index_set<Capacity> const& set) {
  index_ranges ranges;
  for (auto const member : set) ranges.insert({member, member});
  return print(ranges);
}

/// A scope as a sentence writes it after its policy: " @ generation, layers=2,5-7"; nothing for everywhere. An edit may
/// be limited to some heads besides.
[[nodiscard]] inline std::string print(scope const& where, std::optional<head_set> const& heads = {}) {
  if (!where.during && !where.layers && !heads) return {};
  std::string text{" @ "};
  text += where.during ? name_of(*where.during) : "all";
  if (where.layers) text.append(", layers=").append(print(*where.layers));
  if (heads) text.append(", heads=").append(print(*heads));
  return text;
}

}  // namespace headcount::v0
