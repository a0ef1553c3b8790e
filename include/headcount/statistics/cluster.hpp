#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// Observations that are not independent of each other, as several seeds of one prompt: their indices, a list a
/// cluster. A prompt that is there ten times then counts as one.
using clusters = std::vector<std::vector<std::size_t>>;

/// Observations with the same name make a cluster; clusters are in the order of their first observation.
[[nodiscard]] inline clusters cluster_by_name(std::span<std::string const> names) {
  std::map<std::string, std::size_t> index_of;
  clusters found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto const [at, is_new] = index_of.try_emplace(names[i], found.size());
    if (is_new) found.emplace_back();
    found[at->second].push_back(i);
  }
  return found;
}

}  // namespace headcount::v0::evaluate
