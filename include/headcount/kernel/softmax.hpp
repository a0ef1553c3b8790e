#pragma once

#include <array>
#include <cstddef>
#include <span>

#include <headcount/kernel/exponential.hpp>

namespace headcount::inline v0::kernel {

/// Combines all values of a row with `combine`, sixteen results side by side; `start` for an empty row.
template <class Result, class Combine>
[[nodiscard]] Result reduce_row(std::span<float const> row, Result start, Combine const& combine) noexcept {
  constexpr std::size_t lanes = 16;
  std::array<Result, lanes> results;
  results.fill(start);
  std::size_t i = 0;
  for (; i + lanes <= row.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) results[lane] = combine(results[lane], row[i + lane]);
  for (std::size_t lane = 0; i < row.size(); ++i, ++lane) results[lane] = combine(results[lane], row[i]);
  Result result = start;
  for (auto const part : results) result = combine(result, part);
  return result;
}

/// Turns a row of logits into weights that sum to 1, in place: w_j = e^(s_j - max s) / sum. O(keys), no allocation.
inline void softmax(std::span<float> row) noexcept {
  if (row.empty()) return;
  float const largest = reduce_row(row, row.front(), [](float a, float b) { return a < b ? b : a; });
  for (auto& value : row) value = exp_of_nonpositive(value - largest);
  double const sum = reduce_row(row, 0.0, [](double a, double b) { return a + b; });
  auto const scale = static_cast<float>(1 / sum);
  for (auto& value : row) value *= scale;
}

}  // namespace headcount::inline v0::kernel
