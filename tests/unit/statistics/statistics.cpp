// statistics/interval.hpp and statistics/paired.hpp.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/paired.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// The probability of at most `k` heads in `n` throws of a coin that shows heads with probability `p`.
double binomial_sum(std::size_t n, std::size_t k, double p) {
  double sum = 0;
  double term = std::pow(1 - p, static_cast<double>(n));
  for (std::size_t i = 0; i <= k; ++i) {
    sum += term;
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1) * p / (1 - p);
  }
  return sum;
}

/// The smallest count that at least `share` of the throws of `n` coins stay below or at.
std::size_t binomial_quantile(std::size_t n, double p, double share) {
  std::size_t k = 0;
  while (binomial_sum(n, k, p) < share) ++k;
  return k;
}

/// Outcomes of two policies: so many prompts that both answered, only the first, only the second, neither.
struct pair_of_outcomes {
  outcomes a, b;
  pair_of_outcomes(std::size_t both, std::size_t only_a, std::size_t only_b, std::size_t neither) {
    add(both, true, true);
    add(only_a, true, false);
    add(neither, false, false);
    add(only_b, false, true);
  }
  void add(std::size_t count, bool of_a, bool of_b) {
    a.insert(a.end(), count, of_a);
    b.insert(b.end(), count, of_b);
  }
};

}  // namespace

TEST_CASE("interval: Wilson's limits are those of Newcombe 1998, table I, method 3") {
  struct published {
    share observed;
    double low, high;
  };
  for (auto const& [observed, low, high] : {published{{81, 263}, 0.2553, 0.3662},
                                            {{15, 148}, 0.0624, 0.1605},
                                            {{0, 20}, 0.0000, 0.1611},
                                            {{1, 29}, 0.0061, 0.1718}}) {
    auto const limits = wilson(observed);
    CHECK(std::abs(limits.low - low) < 5e-5);
    CHECK(std::abs(limits.high - high) < 5e-5);
  }
}

TEST_CASE("interval: at Wilson's limits the score test is just significant") {
  for (double const confidence : {0.5, 0.9, 0.95, 0.999})
    for (std::size_t const n : {1u, 2u, 7u, 210u, 100000u})
      for (std::size_t const hits : {std::size_t{0}, n / 3, n - 1, n}) {
        auto const limits = wilson({hits, n}, confidence);
        auto const p = static_cast<double>(hits) / static_cast<double>(n);
        CHECK(limits.low <= p);
        CHECK(limits.high >= p);
        for (double const limit : {limits.low, limits.high}) {
          if ((hits == 0 && limit == limits.low) || (hits == n && limit == limits.high)) {
            CHECK(std::abs(limit - p) < 1e-12);
            continue;
          }
          auto const deviations = std::abs(p - limit) / std::sqrt(limit * (1 - limit) / static_cast<double>(n));
          CHECK(std::erfc(deviations / std::sqrt(2.0)) == doctest::Approx(1 - confidence).epsilon(1e-9));
        }
      }
}

TEST_CASE("interval: without trials nothing is known") {
  CHECK(wilson({0, 0}).low == 0);
  CHECK(wilson({0, 0}).high == 1);
  CHECK(share{}.value() == 0);
  CHECK(share{3, 4}.value() == 0.75);
}

TEST_CASE("interval: percentiles are the values of the nearest ranks") {
  random_stream random{1};
  for (std::size_t const n : {1u, 2u, 39u, 40u, 41u, 200u, 1000u, 10000u}) {
    CAPTURE(n);
    std::vector<double> ranks;
    for (std::size_t rank = 1; rank <= n; ++rank) ranks.push_back(static_cast<double>(rank));
    auto sample = random.some_of(ranks, n);
    auto const middle = percentile_interval(sample);
    // In whole numbers: the first rank at or above n * 25 / 1000 and n * 975 / 1000.
    CHECK(middle.low == static_cast<double>((n * 25 + 999) / 1000));
    CHECK(middle.high == static_cast<double>((n * 975 + 999) / 1000));
    auto const half = percentile_interval(sample, 0.5);
    CHECK(half.low == static_cast<double>((n + 3) / 4));
    CHECK(half.high == static_cast<double>((3 * n + 3) / 4));
  }
}

TEST_CASE("paired: the share of prompts answered") {
  auto const observed = share_of({true, false, true, true});
  CHECK(observed.hits == 3);
  CHECK(observed.n == 4);
  CHECK(share_of({}).n == 0);
}

TEST_CASE("paired: McNemar's test is a sum over the tails of a fair coin") {
  CHECK(mcnemar(pair_of_outcomes{5, 1, 9, 3}.a, pair_of_outcomes{5, 1, 9, 3}.b) ==
        doctest::Approx(2.0 * (1 + 10) / 1024).epsilon(1e-12));
  for (std::size_t only_a = 0; only_a <= 12; ++only_a)
    for (std::size_t only_b = 0; only_b <= 12; ++only_b) {
      pair_of_outcomes const both{only_a % 3, only_a, only_b, only_b % 5};
      auto const n = only_a + only_b;
      double tails = 0;  // every split at least as far from the middle, both ways
      for (std::size_t k = 0; k <= n; ++k) {
        auto const distance = [&](std::size_t heads) { return heads > n - heads ? 2 * heads - n : n - 2 * heads; };
        if (distance(k) >= distance(only_a))
          tails += std::tgamma(static_cast<double>(n + 1)) / std::tgamma(static_cast<double>(k + 1)) /
                   std::tgamma(static_cast<double>(n - k + 1)) / std::pow(2.0, static_cast<double>(n));
      }
      CHECK(mcnemar(both.a, both.b) == doctest::Approx(tails).epsilon(1e-12));
      CHECK(mcnemar(both.b, both.a) == mcnemar(both.a, both.b));
    }
}

TEST_CASE("paired: McNemar's test of nothing, and of outcomes that are no pairs") {
  CHECK(mcnemar({}, {}) == 1);
  CHECK(mcnemar({true, false}, {true, false}) == 1);
  CHECK_THROWS_WITH_AS(static_cast<void>(mcnemar({true, false}, {true})),
                       "paired outcomes: one has 2, the other 1 (allowed: the same prompts)", error);
}

TEST_CASE("paired: Holm's correction is what R's p.adjust gives and what its definition says") {
  auto const adjusted = holm({0.01, 0.04, 0.03, 0.005});
  std::vector<double> const from_r{0.03, 0.06, 0.06, 0.02};
  for (std::size_t i = 0; i < from_r.size(); ++i) CHECK(adjusted[i] == doctest::Approx(from_r[i]).epsilon(1e-12));

  random_stream random{2};
  for (int round = 0; round < 50; ++round) {
    std::vector<double> p(1 + random.below(9));
    for (auto& value : p) value = static_cast<double>(random.below(20)) / 19 * random.one_of(std::vector{1.0, 0.1});
    auto const corrected = holm(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      double largest = 0;
      for (auto const q : p) {  // of all hypotheses that are rejected no later
        if (q > p[i]) continue;
        auto const left = std::ranges::count_if(p, [&](double other) { return other >= q; });
        largest = std::max(largest, std::min(1.0, static_cast<double>(left) * q));
      }
      CHECK(corrected[i] == doctest::Approx(largest).epsilon(1e-12));
    }
  }
  CHECK(holm({}).empty());
}

TEST_CASE("paired: a bootstrap draws whole sets of prompts and gives the interval of their figures") {
  constexpr std::size_t prompts = 7;
  std::vector<double> figures;
  auto const limits = bootstrap(
      prompts,
      [&](std::span<std::size_t const> drawn) {
        CHECK(drawn.size() == prompts);
        double sum = 0;
        for (auto const index : drawn) {
          CHECK(index < prompts);
          sum += static_cast<double>(index * index);
        }
        return figures.emplace_back(sum);
      },
      random_stream{3}, 400, 0.9);
  REQUIRE(figures.size() == 400);
  std::ranges::sort(figures);
  CHECK(limits.low == figures[19]);
  CHECK(limits.high == figures[379]);
}

TEST_CASE("paired: a bootstrapped share has the quantiles of the binomial distribution") {
  constexpr std::size_t n = 100;
  constexpr std::size_t hits = 30;
  auto const count = [](std::span<std::size_t const> drawn) {
    return static_cast<double>(std::ranges::count_if(drawn, [](std::size_t index) { return index < hits; }));
  };
  auto const limits = bootstrap(n, count, random_stream{4}, 20000);
  CHECK(limits.low == static_cast<double>(binomial_quantile(n, 0.3, 0.025)));
  CHECK(limits.high == static_cast<double>(binomial_quantile(n, 0.3, 0.975)));
  auto const again = bootstrap(n, count, random_stream{4}, 20000);
  CHECK(again.low == limits.low);
  CHECK(again.high == limits.high);
}
