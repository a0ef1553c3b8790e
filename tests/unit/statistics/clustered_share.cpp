// statistics/clustered_share.hpp, and in short what bench/coverage.cpp prints.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/clustered_share.hpp>

#include "support/experiments.hpp"

using namespace headcount;
using namespace headcount::evaluate;

namespace {

double log_beta(double a, double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

/// The beta-binomial log-likelihood by its definition, without the binomial coefficients.
double likelihood_of(std::vector<share> const& clusters, double mean, double correlation) {
  auto const scale = (1 - correlation) / correlation;
  double sum = 0;
  for (auto const& [hits, n] : clusters) {
    auto const right = static_cast<double>(hits);
    auto const wrong = static_cast<double>(n - hits);
    sum += log_beta(mean * scale + right, (1 - mean) * scale + wrong) - log_beta(mean * scale, (1 - mean) * scale);
  }
  return sum;
}

}  // namespace

TEST_CASE("clustered_share: the likelihood is the beta-binomial one") {
  std::vector<share> const clusters{{3, 7}, {0, 4}, {5, 5}, {1, 1}, {9, 20}};
  beta_binomial const likelihood{clusters};
  for (double const mean : {0.1, 0.45, 0.9})
    for (double const correlation : {0.01, 0.3, 0.95}) {
      CAPTURE(mean);
      CAPTURE(correlation);
      CHECK(likelihood(mean, correlation) == doctest::Approx(likelihood_of(clusters, mean, correlation)).epsilon(1e-9));
    }
  CHECK(likelihood(0.3, 0) == doctest::Approx(18 * std::log(0.3) + 19 * std::log(0.7)).epsilon(1e-12));
  double best = -1e9;
  for (int i = 1; i < 1000; ++i) best = std::max(best, likelihood(0.4, i / 1000.0));
  CHECK(likelihood.profile(0.4) == doctest::Approx(best).epsilon(1e-5));
}

TEST_CASE("clustered_share: Wilson's where prompts are alone, and by clusters where all answers agree") {
  std::vector<share> singles(20, share{0, 1});
  for (std::size_t i = 0; i < 7; ++i) singles[i].hits = 1;
  CHECK(clustered_share_interval(singles).low == wilson(share{7, 20}).low);
  CHECK(clustered_share_interval(singles).high == wilson(share{7, 20}).high);
  std::vector<share> const none(6, share{0, 20});
  CHECK(clustered_share_interval(none).low == 0);
  CHECK(clustered_share_interval(none).high == doctest::Approx(wilson(share{0, 6}).high).epsilon(1e-12));
  std::vector<share> const all(6, share{20, 20});
  CHECK(clustered_share_interval(all).high == 1);
  CHECK(clustered_share_interval(all).low == doctest::Approx(wilson(share{6, 6}).low).epsilon(1e-12));
}

TEST_CASE("clustered_share: six needles that are asked twenty times each are six") {
  std::vector<share> needles(6, share{20, 20});
  needles[0].hits = needles[1].hits = 0;
  auto const clustered = clustered_share_interval(needles);
  auto const naive = wilson(share{80, 120});
  CHECK(naive.high - naive.low < 0.18);
  CHECK(clustered.high - clustered.low > 0.55);
  CHECK(clustered.low < 0.3);
  CHECK(clustered.high > 0.9);
}

TEST_CASE("clustered_share: right and wrong may change places, and the share is inside") {
  random_stream random{4};
  for (int i = 0; i < 40; ++i) {
    auto const drawn = test::draw_shares({.clusters = 9, .share = 0.3, .correlation = 0.4}, random);
    auto turned = drawn;
    share all;
    for (auto& one : turned) {
      all.hits += one.hits;
      all.n += one.n;
      one.hits = one.n - one.hits;
    }
    auto const range = clustered_share_interval(drawn);
    auto const other = clustered_share_interval(turned);
    CHECK(range.low == doctest::Approx(1 - other.high).epsilon(1e-4));
    CHECK(range.high == doctest::Approx(1 - other.low).epsilon(1e-4));
    CHECK(range.low <= all.value());
    CHECK(range.high >= all.value());
  }
}

TEST_CASE("clustered_share: a pair of policies that never differ may still differ a little") {
  std::vector<paired_answers> const same(40, paired_answers{0, 0, 1});
  auto const range = paired_share_interval(same);
  CHECK(range.low == doctest::Approx(-wilson(share{0, 40}).high).epsilon(1e-12));
  CHECK(range.high == -range.low);
}

TEST_CASE("coverage: 95% intervals of shares hold the truth, from 20 clusters on in 93%, of 6 in 90%") {
  // 2,000 experiments a cell and more cells: bench_coverage. Here 400, and what 400 cannot tell from the bar passes.
  constexpr std::size_t experiments = 400;
  random_stream random{1};
  for (std::size_t const clusters : {6u, 20u, 120u})
    for (double const correlation : {0.0, 0.5, 1.0})
      for (double const truth : {0.05, 0.5, 0.8}) {
        std::size_t held = 0;
        for (std::size_t e = 0; e < experiments; ++e) {
          auto const range = clustered_share_interval(test::draw_shares({clusters, truth, correlation}, random));
          held += range.low <= truth && truth <= range.high ? 1u : 0u;
        }
        CAPTURE(clusters);
        CAPTURE(correlation);
        CAPTURE(truth);
        auto const bar = clusters == 6 ? 0.90 : 0.93;
        auto const slack = 2 * std::sqrt(bar * (1 - bar) / experiments);
        CHECK(static_cast<double>(held) / experiments >= bar - slack);
      }
}

TEST_CASE("coverage: clusters of two kinds, which no beta distribution has, are held as often") {
  constexpr std::size_t experiments = 400;
  random_stream random{2};
  for (std::size_t const clusters : {6u, 20u, 120u})
    for (double const truth : {0.2, 0.5}) {
      std::size_t held = 0;
      for (std::size_t e = 0; e < experiments; ++e) {
        auto const drawn = test::draw_shares({clusters, truth, 0.2, test::variation::two_kinds}, random);
        auto const range = clustered_share_interval(drawn);
        held += range.low <= truth && truth <= range.high ? 1u : 0u;
      }
      CAPTURE(clusters);
      CAPTURE(truth);
      CHECK(static_cast<double>(held) / experiments >= (clusters == 6 ? 0.87 : 0.905));
    }
}

TEST_CASE("coverage: 95% intervals of paired differences hold the truth as often") {
  constexpr std::size_t experiments = 400;
  random_stream random{3};
  for (std::size_t const clusters : {6u, 20u, 120u})
    for (double const correlation : {0.0, 0.5, 1.0}) {
      std::size_t held = 0;
      for (std::size_t e = 0; e < experiments; ++e) {
        auto const range = paired_share_interval(test::draw_pairs({clusters, 0.2, 0.05, correlation}, random));
        held += range.low <= 0.15 && 0.15 <= range.high ? 1u : 0u;
      }
      CAPTURE(clusters);
      CAPTURE(correlation);
      CHECK(static_cast<double>(held) / experiments >= (clusters == 6 ? 0.87 : 0.905));
    }
}
