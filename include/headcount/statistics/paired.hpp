#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <boost/math/distributions/binomial.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/statistics/interval.hpp>

namespace headcount::v0::evaluate {

/// Which of the same prompts a policy answered, in the same order as for any other policy.
using outcomes = std::vector<bool>;

/// How many were answered.
[[nodiscard]] inline share share_of(outcomes const& answered) {
  return {static_cast<std::size_t>(std::ranges::count(answered, true)), answered.size()};
}

/// The exact two-sided McNemar test of two policies on the same prompts: the probability of a split at least as uneven
/// among the prompts that only one of them answered, were both equally good. 1 when there is no such prompt.
/// Throws headcount::error when there are not as many of one as of the other.
/// Source: McNemar 1947; exact binomial form.
[[nodiscard]] inline double mcnemar(outcomes const& a, outcomes const& b) {
  if (a.size() != b.size())
    throw error{"paired outcomes", text_of("one has ", a.size(), ", the other ", b.size()), "the same prompts"};
  std::size_t only_a = 0;
  std::size_t only_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    only_a += a[i] && !b[i] ? 1u : 0u;
    only_b += b[i] && !a[i] ? 1u : 0u;
  }
  auto const split = only_a + only_b;
  if (split == 0) return 1;
  boost::math::binomial const even{static_cast<double>(split), 0.5};
  return (std::min)(1.0, 2 * boost::math::cdf(even, static_cast<double>((std::min)(only_a, only_b))));
}

/// Holm's correction: p-values that keep the chance of any false alarm among them below the level they are compared to.
/// Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
[[nodiscard]] inline std::vector<double> holm(std::vector<double> const& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return p[i]; });
  std::vector<double> corrected(p.size());
  double so_far = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    so_far = (std::max)(so_far, (std::min)(1.0, static_cast<double>(p.size() - rank) * p[order[rank]]));
    corrected[order[rank]] = so_far;
  }
  return corrected;
}

/// A bootstrap interval of any figure that is computed from prompts: `figure(indices)` gets the indices of a resampled
/// set of prompts, with repetition. Prompts are drawn as a whole, so policies stay paired.
/// At least one prompt and one replicate. Source: Efron & Tibshirani 1993, chapter 13 (percentile interval).
template <class Figure>
[[nodiscard]] interval bootstrap(std::size_t prompts, Figure const& figure, random_stream random,
                                 std::size_t replicates = 1000, double confidence = 0.95) {
  std::vector<double> values;
  std::vector<std::size_t> drawn(prompts);
  for (std::size_t i = 0; i < replicates; ++i) {
    for (auto& index : drawn) index = random.below(prompts);
    values.push_back(figure(std::span<std::size_t const>{drawn}));
  }
  return percentile_interval(values, confidence);
}

}  // namespace headcount::v0::evaluate
