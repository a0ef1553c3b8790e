#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/random_stream.hpp>

namespace headcount::v0::evaluate {

/// The p-value of a permutation test, and whether every permutation was counted.
struct permutation_test {
  double p = 1;
  bool exact = true;
};

/// Differences that are not zero, up to which every assignment of signs is counted.
inline constexpr std::size_t exact_sign_flips = 16;

/// The two-sided paired permutation test: the share of the ways to swap the two policies within pairs that make the sum
/// of the differences at least as far from zero as it is. Exact up to `exact_sign_flips` differences that are not zero,
/// O(2^n); beyond them estimated from `draws` random ways, the observed one counted with them, O(n * draws).
/// Sums that differ by rounding count as equal. With clusters, a difference is a cluster's sum.
/// Source: Fisher 1935, The Design of Experiments, section 21; Phipson & Smyth 2010 for the estimate.
[[nodiscard]] inline permutation_test sign_flip_test(std::span<double const> differences, random_stream random,
                                                     std::size_t draws = 9999) {
  std::vector<double> flipped;  // a difference of zero counts the same either way
  double observed = 0;
  double total = 0;
  for (auto const difference : differences) {
    if (difference == 0) continue;
    flipped.push_back(difference);
    observed += difference;
    total += std::abs(difference);
  }
  auto const as_far = [&](double sum) { return std::abs(sum) >= std::abs(observed) - 1e-12 * total; };
  bool const exact = flipped.size() <= exact_sign_flips;
  auto const ways = exact ? std::size_t{1} << flipped.size() : draws;
  std::size_t extreme = exact ? 0 : 1;
  for (std::size_t way = 0; way < ways; ++way) {
    double sum = 0;
    for (std::size_t i = 0; i < flipped.size(); ++i) {
      auto const swap = exact ? way >> i & 1 : random.below(2);
      sum += flipped[i] * (1 - 2 * static_cast<double>(swap));  // no branch: nobody could foretell it
    }
    extreme += as_far(sum) ? 1u : 0u;
  }
  return {static_cast<double>(extreme) / static_cast<double>(exact ? ways : draws + 1), exact};
}

/// The same for a total that is not a mean: `total(sums)` of the clusters' sums of one policy less that of the other,
/// when the two change places within clusters. Clusters in which both have the same sums count either way.
template <std::size_t n, class Total>
[[nodiscard]] permutation_test swap_test(std::span<std::array<double, n> const> a,
                                         std::span<std::array<double, n> const> b, Total const& total,
                                         random_stream random, std::size_t draws = 9999) {
  std::array<double, n> same_a{};
  auto same_b = same_a;
  std::vector<std::size_t> differing;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k] != b[k]) differing.push_back(k);
    else
      for (std::size_t j = 0; j < n; ++j) same_a[j] += a[k][j], same_b[j] += b[k][j];
  }
  auto const distance = [&](auto const& swaps) {
    auto x = same_a;
    auto y = same_b;
    for (std::size_t i = 0; i < differing.size(); ++i) {
      bool const swap = swaps(i);
      auto const& first = swap ? b[differing[i]] : a[differing[i]];
      auto const& second = swap ? a[differing[i]] : b[differing[i]];
      for (std::size_t j = 0; j < n; ++j) x[j] += first[j], y[j] += second[j];
    }
    return std::abs(total(x) - total(y));
  };
  auto const observed = distance([](std::size_t) { return false; });
  bool const exact = differing.size() <= exact_sign_flips;
  auto const ways = exact ? std::size_t{1} << differing.size() : draws;
  std::size_t extreme = exact ? 0 : 1;
  for (std::size_t way = 0; way < ways; ++way) {
    auto const further = distance([&](std::size_t i) { return (exact ? way >> i & 1 : random.below(2)) != 0; });
    extreme += further >= observed * (1 - 1e-9) ? 1u : 0u;
  }
  return {static_cast<double>(extreme) / static_cast<double>(exact ? ways : draws + 1), exact};
}

}  // namespace headcount::v0::evaluate
