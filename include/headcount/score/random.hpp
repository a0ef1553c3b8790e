#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <headcount/core/random.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::score {

/// A control: every head draws a number that has nothing to do with what it attends to.
///
///     score = uniform in [0, 1), a hash of (seed, layer, row, position, head)
///
/// Reads nothing, so heads are chosen before attention; O(1), no allocation, the same on every platform.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861, random baseline; the hash is our own choice.
struct random {
  static constexpr std::string_view name = "random";
  static constexpr part_about about{"a control: a number drawn from (seed, layer, sequence, position, head)",
                                    "uniform in [0, 1)", "Michalak & Abreu 2025, arXiv 2510.19861, random baseline"};

  std::uint64_t seed = 0;  ///< any value; another seed is another draw

  static constexpr auto fields = field_list{named_field("seed", &random::seed, "another seed is another draw")};

  [[nodiscard]] constexpr double operator()(site const& where, std::size_t head) const noexcept {
    return uniform_number(seed, where, head);
  }
};

}  // namespace headcount::v0::score
