#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <headcount/core/fill.hpp>
#include <headcount/core/strided_view.hpp>

namespace headcount::v0::kernel {

// Loops of fixed length over local arrays, which compilers turn into vector registers without being allowed to reorder
// additions: results are the same wherever they are computed with the same rounding.

/// The inner product of two spans of equal length.
[[nodiscard]] inline float dot(std::span<float const> a, std::span<float const> b) noexcept {
  constexpr std::size_t lanes = 16;
  std::array<float, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= a.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (std::size_t lane = 0; i < a.size(); ++i, ++lane) sums[lane] += a[i] * b[i];
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  return sums[0];
}

/// sum += factor * values, element by element; the spans have equal length.
inline void add_scaled(std::span<float> sum, float factor, std::span<float const> values) noexcept {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += factor * values[i];
}

/// sum = sum_j factors_j * rows_j: `factors` `[row]`, `rows` `[row, column]` with contiguous columns, `sum` `[column]`.
inline void weighted_sum(std::span<float const> factors, strided_view<float const, 2> rows,
                         std::span<float> sum) noexcept {
  constexpr std::size_t lanes = 16;
  std::size_t column = 0;
  for (; column + lanes <= sum.size(); column += lanes) {
    std::array<float, lanes> sums{};
    for (std::size_t row = 0; row < factors.size(); ++row) {
      float const* const values = &rows(row, column);
      for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += factors[row] * values[lane];
    }
    std::ranges::copy(sums, sum.begin() + static_cast<std::ptrdiff_t>(column));
  }
  auto const rest = sum.subspan(column);
  fill(rest, 0.0f);
  for (std::size_t row = 0; row < factors.size() && !rest.empty(); ++row)
    add_scaled(rest, factors[row], {&rows(row, column), rest.size()});
}

}  // namespace headcount::v0::kernel
