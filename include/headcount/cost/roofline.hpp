#pragma once

#include <algorithm>
#include <cstddef>

#include <headcount/cost/model_cost.hpp>

namespace headcount::v0::evaluate {

/// How fast a machine is at best; a rate of 0 is not known and bounds nothing.
struct machine_rates {
  double bandwidth = 0;  ///< bytes read from memory, a second
  double flops = 0;      ///< a second
};

/// The least seconds that a pass takes: what it reads and what it computes may overlap, and neither goes faster than
/// the machine. A lower bound, not an estimate: nothing but products is counted, and no engine reaches either rate.
/// Source: Williams, Waterman & Patterson 2009, "Roofline".
[[nodiscard]] inline double least_seconds(pass_cost const& pass, machine_rates const& rates) noexcept {
  auto const at = [&](std::size_t block_cost::* what, double rate) {
    return rate > 0 ? static_cast<double>(pass.sum(what)) / rate : 0.0;
  };
  return (std::max)(at(&block_cost::bytes, rates.bandwidth), at(&block_cost::flops, rates.flops));
}

}  // namespace headcount::v0::evaluate
