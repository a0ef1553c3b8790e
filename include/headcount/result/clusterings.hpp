#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/result/row.hpp>
#include <headcount/statistics/cluster.hpp>

namespace headcount::v0::evaluate {

/// What rows share, a clustering each: their prompt, and every factor that has more than one value. A factor that is
/// the same in all rows is part of what was asked, and an interval is for it alone. A row without a factor that others
/// have is alone with its prompt. Clusterings that are equal come once.
[[nodiscard]] inline std::vector<clusters> clusterings_of(std::span<row const* const> rows) {
  std::vector<std::string> names;
  for (auto const* one : rows) names.push_back(one->prompt);
  std::vector<clusters> found{cluster_by_name(names)};
  std::set<std::string_view> factors;
  for (auto const* one : rows)
    for (auto const& [factor, value] : one->factors) factors.insert(factor);
  for (auto const factor : factors) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const own = rows[i]->factors.find(std::string{factor});
      names[i] = own == rows[i]->factors.end() ? "p" + rows[i]->prompt : "f" + own->second;
    }
    auto groups = cluster_by_name(names);
    bool const is_new = std::ranges::find(found, groups) == found.end();
    if (groups.size() > 1 && is_new) found.push_back(std::move(groups));
  }
  return found;
}

}  // namespace headcount::v0::evaluate
