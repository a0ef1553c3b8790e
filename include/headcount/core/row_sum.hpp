#pragma once

#include <array>
#include <cstddef>
#include <ranges>

#include <headcount/core/attention_row.hpp>

namespace headcount::v0 {

/// The sum of `term(value)` over a row, in float64. Sixteen sums run side by side so that compilers use vector
/// registers without being allowed to reorder additions. O(keys), no allocation.
template <attention_row Row, class Term>
[[nodiscard]] double row_sum(Row const& row, Term const& term) noexcept {
  constexpr std::ptrdiff_t lanes = 16;
  auto const values = std::ranges::begin(row);
  auto const size = static_cast<std::ptrdiff_t>(std::ranges::size(row));
  std::array<double, lanes> sums{};
  std::ptrdiff_t i = 0;
  for (; i + lanes <= size; i += lanes)
    for (std::ptrdiff_t lane = 0; lane < lanes; ++lane)
      sums[static_cast<std::size_t>(lane)] += static_cast<double>(term(values[i + lane]));
  double sum = 0;
  for (auto const part : sums) sum += part;
  for (; i < size; ++i) sum += static_cast<double>(term(values[i]));
  return sum;
}

}  // namespace headcount::v0
