#pragma once

#include <string>

#include <headcount/core/phase.hpp>
#include <headcount/core/print_part.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/policy/scope.hpp>

namespace headcount::inline v0 {

/// A scope as a sentence writes it after its policy: " @ generation, layers=2,5-7"; nothing for everywhere.
[[nodiscard]] inline std::string print(scope const& where) {
  if (!where.during && !where.layers) return {};
  std::string text{" @ "};
  text += where.during ? name_of(*where.during) : "all";
  if (where.layers) {
    token_positions ranges;
    for (auto const layer : *where.layers) ranges.insert({layer, layer});
    text.append(", layers=").append(print(ranges));
  }
  return text;
}

}  // namespace headcount::inline v0
