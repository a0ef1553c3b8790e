#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <headcount/core/row_sum.hpp>
#include <headcount/kernel/exponential.hpp>
#include <headcount/kernel/lanes.hpp>

namespace headcount::v0::kernel {

/// The largest value of a row that is not empty. Sixteen run side by side, as in row_sum.
[[nodiscard]] inline float row_max(std::span<float const> row) noexcept {
  constexpr std::size_t lanes = 16;
  std::array<float, lanes> largest;
  largest.fill(row.front());
  std::size_t i = 0;
  for (; i + lanes <= row.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane)
      largest[lane] = largest[lane] < row[i + lane] ? row[i + lane] : largest[lane];
  for (std::size_t lane = 0; i < row.size(); ++i, ++lane)
    largest[lane] = largest[lane] < row[i] ? row[i] : largest[lane];
  return *std::ranges::max_element(largest);
}

/// Turns a row of logits into weights that sum to 1, in place: w_j = e^(s_j - max s) / sum. O(keys), no allocation.
inline void softmax(std::span<float> row) noexcept {
  if (row.empty()) return;
  float const largest = row_max(row);
  auto const raise = [&](std::size_t from, auto const& some) {
    lanes values;
    some.load(values, row.data() + from);
    subtract(values, largest);
    exp_of_nonpositive(values);
    some.store(values, row.data() + from);
  };
  std::size_t key = 0;
  for (; key + lanes::count <= row.size(); key += lanes::count) raise(key, all_lanes{});
  if (key < row.size()) raise(key, first_lanes{row.size() - key});
  auto const scale = static_cast<float>(1 / row_sum(row, [](float value) { return value; }));
  for (auto& value : row) value *= scale;
}

}  // namespace headcount::v0::kernel
