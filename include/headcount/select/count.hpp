#pragma once

#include <cstddef>
#include <optional>

#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0::select {

/// A mistake when a selector is to keep more heads than the layer has.
template <policy_part Select>
[[nodiscard]] std::optional<error> find_too_many(Select const& part, std::size_t count, site const& where) {
  if (count > where.heads)
    return error{print(part), text_of("layer ", where.layer, " has ", where.heads, " heads"),
                 text_of("k from 0 to ", where.heads)};
  return std::nullopt;
}

}  // namespace headcount::v0::select
