#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <headcount/core/attention_row.hpp>

namespace headcount::v0 {

/// The sum of `term(value)` over `size` values of a row, in float64. Sixteen sums run side by side so that compilers
/// use vector registers without being allowed to reorder additions. O(size), no allocation.
template <class Iterator, class Term>
[[nodiscard]] double sum_of(Iterator values, std::ptrdiff_t size, Term const& term) noexcept {
  constexpr std::ptrdiff_t lanes = 16;
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

/// The sum of `term(value)` over a row, as sum_of makes it.
template <attention_row Row, class Term>
[[nodiscard]] double row_sum(Row const& row, Term const& term) noexcept {
  return sum_of(std::ranges::begin(row), static_cast<std::ptrdiff_t>(std::ranges::size(row)), term);
}

}  // namespace headcount::v0
