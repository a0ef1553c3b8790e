#pragma once

// Simulated experiments whose truth is known: clusters of right and wrong answers, and paired answers.

#include <cmath>
#include <cstddef>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/clustered_share.hpp>

namespace test {

namespace ev = headcount::evaluate;

/// A standard normal number.
inline double normal(headcount::random_stream& random) {
  auto const radius = std::sqrt(-2 * std::log(1 - random.number()));
  return radius * std::cos(6.283185307179586 * random.number());
}

/// A gamma variate of some shape and scale 1. Source: Marsaglia & Tsang 2000.
inline double gamma(double shape, headcount::random_stream& random) {
  if (shape < 1) return gamma(shape + 1, random) * std::pow(1 - random.number(), 1 / shape);
  auto const d = shape - 1.0 / 3;
  for (;;) {
    auto const x = normal(random);
    auto const v = std::pow(1 + x / std::sqrt(9 * d), 3);
    if (v > 0 && std::log(1 - random.number()) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

/// How a cluster's chance of a right answer varies around the share.
enum class variation { beta, two_kinds };

/// A cell: so many clusters of 1 to 20 prompts, their answers right with a mean chance of `share`; two answers of one
/// cluster correlate by `correlation`.
struct cell {
  std::size_t clusters = 0;
  double share = 0;
  double correlation = 0;
  variation of = variation::beta;
};

/// A cluster's own chance. Two kinds of clusters: a share of them (1 - share) less, the others more likely right.
inline double chance(cell const& of, headcount::random_stream& random) {
  if (of.correlation == 0) return of.share;
  if (of.correlation == 1) return random.number() < of.share ? 1 : 0;
  if (of.of == variation::two_kinds) {
    auto const step = std::sqrt(of.correlation);
    return random.number() < of.share ? of.share + (1 - of.share) * step : of.share * (1 - step);
  }
  auto const scale = (1 - of.correlation) / of.correlation;
  auto const right = gamma(of.share * scale, random);
  auto const wrong = gamma((1 - of.share) * scale, random);
  return right + wrong > 0 ? right / (right + wrong) : random.number() < of.share ? 1 : 0;
}

inline std::vector<ev::share> draw_shares(cell const& of, headcount::random_stream& random) {
  std::vector<ev::share> clusters;
  for (std::size_t k = 0; k < of.clusters; ++k) {
    ev::share one{.n = 1 + random.below(20)};
    auto const p = chance(of, random);
    for (std::size_t i = 0; i < one.n; ++i) one.hits += random.number() < p ? 1u : 0u;
    clusters.push_back(one);
  }
  return clusters;
}

/// Paired answers: only the first policy is right with a mean chance of `only_a`, only the second of `only_b`; the
/// prompts of a cluster agree in which of the two, by `correlation`.
struct paired_cell {
  std::size_t clusters = 0;
  double only_a = 0;
  double only_b = 0;
  double correlation = 0;
};

inline std::vector<ev::paired_answers> draw_pairs(paired_cell const& of, headcount::random_stream& random) {
  std::vector<ev::paired_answers> clusters;
  for (std::size_t k = 0; k < of.clusters; ++k) {
    ev::paired_answers one{.n = 1 + random.below(20)};
    auto a = of.only_a;
    auto b = of.only_b;
    if (of.correlation == 1) {
      auto const u = random.number();
      a = u < of.only_a ? 1 : 0;
      b = u >= of.only_a && u < of.only_a + of.only_b ? 1 : 0;
    } else if (of.correlation > 0) {  // Dirichlet
      auto const scale = (1 - of.correlation) / of.correlation;
      auto const x = of.only_a > 0 ? gamma(of.only_a * scale, random) : 0;
      auto const y = of.only_b > 0 ? gamma(of.only_b * scale, random) : 0;
      auto const z = gamma((1 - of.only_a - of.only_b) * scale, random);
      a = x / (x + y + z);
      b = y / (x + y + z);
    }
    for (std::size_t i = 0; i < one.n; ++i) {
      auto const u = random.number();
      one.only_a += u < a ? 1u : 0u;
      one.only_b += u >= a && u < a + b ? 1u : 0u;
    }
    clusters.push_back(one);
  }
  return clusters;
}

}  // namespace test
