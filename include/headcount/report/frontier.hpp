#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0::report {

/// What is paid and what is got for it: less of one and more of the other is better.
struct trade {
  double cost = 0;
  double quality = 0;
};

/// Whether a trade is at least as good as another both ways, and better in one.
[[nodiscard]] constexpr bool beats(trade const& a, trade const& b) noexcept {
  return a.cost <= b.cost && a.quality >= b.quality && (a.cost < b.cost || a.quality > b.quality);
}

/// Which trades no other one beats (the Pareto frontier), in their order. O(n^2).
[[nodiscard]] inline std::vector<bool> frontier_of(std::span<trade const> trades) {
  std::vector<bool> found;
  for (auto const& one : trades)
    found.push_back(std::ranges::none_of(trades, [&](trade const& other) { return beats(other, one); }));
  return found;
}

}  // namespace headcount::v0::report
