// statistics/difference.hpp and equivalence.hpp.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>
#include <boost/math/distributions/students_t.hpp>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/equivalence.hpp>
#include <support/experiments.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

clusters alone(std::size_t n) {
  clusters groups;
  for (std::size_t i = 0; i < n; ++i) groups.push_back({i});
  return groups;
}

/// Right and wrong answers of these clusters.
paired_sample sample_of(std::vector<paired_answers> const& drawn) {
  paired_sample made{.values = right_or_wrong};
  made.by.emplace_back();
  for (auto const& one : drawn) {
    auto& group = made.by[0].emplace_back();
    for (std::size_t i = 0; i < one.n; ++i) {
      group.push_back(made.a.size());
      made.a.push_back({i < one.only_a ? 1.0 : 0.0, 1});
      made.b.push_back({i >= one.only_a && i < one.only_a + one.only_b ? 1.0 : 0.0, 1});
    }
  }
  return made;
}

}  // namespace

TEST_CASE("difference: of means the interval is Student's, of right answers that of paired shares") {
  std::vector<double> const a{3, 5, 4, 8};
  std::vector<double> const b{1, 6, 2, 3};
  auto const means = paired_means(a, b, real_scale, alone(4));
  auto const of_means = interval_of_difference(means, sums_of_pairs(means), means.by[0], 0.9);
  // Differences 2, -1, 2, 5: mean 2, variance of the mean 18 / 3 / 4.
  auto const half = boost::math::quantile(boost::math::students_t{3}, 0.95) * std::sqrt(1.5);
  CHECK(of_means.variance == doctest::Approx(1.5));
  CHECK(of_means.range.low == doctest::Approx(2 - half));
  CHECK(of_means.range.high == doctest::Approx(2 + half));

  std::vector<paired_answers> const answers{{2, 1, 5}, {0, 0, 3}, {1, 0, 4}, {3, 1, 6}};
  auto const shares = sample_of(answers);
  auto const of_shares = interval_of_difference(shares, sums_of_pairs(shares), shares.by[0], 0.95).range;
  CHECK(of_shares.low == paired_share_interval(answers).low);
  CHECK(of_shares.high == paired_share_interval(answers).high);
  CHECK(totals_of(shares, sum_of(sums_of_pairs(shares))) == std::array{6.0 / 18, 2.0 / 18});
}

TEST_CASE("equivalence: of a mean it is Student's one-sided test") {
  std::vector<double> const differences{0.3, -0.1, 0.2, 0.05, -0.2, 0.4, 0.1, 0, 0.15, -0.05};
  std::vector<double> const zeros(differences.size());
  auto const sample = paired_means(differences, zeros, real_scale, alone(differences.size()));
  double mean = 0;
  for (auto const one : differences) mean += one / 10;
  double squares = 0;
  for (auto const one : differences) squares += (one - mean) * (one - mean);
  auto const error = std::sqrt(squares / 9 / 10);
  for (double const limit : {-0.3, -0.1, 0.0, 0.05, 0.1, 0.3}) {
    CAPTURE(limit);
    auto const p = boost::math::cdf(boost::math::complement(boost::math::students_t{9}, (mean - limit) / error));
    CHECK(p_of_difference_above(sample, limit) == doctest::Approx(p).epsilon(1e-6));
    CHECK(p_of_difference_below(sample, limit) == doctest::Approx(1 - p).epsilon(1e-6));
  }
}

TEST_CASE("equivalence: of several clusterings the least sure counts") {
  std::vector<double> const values{1, 1, 0, 1, 1, 0, 1, 1};
  std::vector<double> const zeros(values.size());
  auto both = paired_means(values, zeros, real_scale, alone(8));
  auto const single = p_of_difference_above(both, 0.3);
  both.by.push_back({{0, 1, 2, 3}, {4, 5, 6, 7}});
  auto const pairs = both.by[1];
  auto two = paired_means(values, zeros, real_scale, pairs);
  CHECK(p_of_difference_above(both, 0.3) == std::max(single, p_of_difference_above(two, 0.3)));
  both.by.push_back({{0, 1, 2, 3, 4, 5, 6, 7}});  // one cluster says nothing
  CHECK(p_of_difference_above(both, 0.3) == doctest::Approx(0.5));
}

TEST_CASE("equivalence: who is worse by just the margin is called not worse no more often than the level") {
  constexpr std::size_t experiments = 400;
  random_stream random{7};
  for (std::size_t const count : {20u, 120u})
    for (double const correlation : {0.0, 0.5, 1.0}) {
      std::size_t at_the_margin = 0;
      std::size_t equal = 0;
      for (std::size_t e = 0; e < experiments; ++e) {
        auto const worse = sample_of(test::draw_pairs({count, 0.05, 0.15, correlation}, random));
        at_the_margin += p_of_difference_above(worse, -0.1) <= 0.05 ? 1u : 0u;
        auto const same = sample_of(test::draw_pairs({count, 0.02, 0.02, correlation}, random));
        equal += p_of_difference_above(same, -0.1) <= 0.05 && p_of_difference_below(same, 0.1) <= 0.05 ? 1u : 0u;
      }
      CAPTURE(count);
      CAPTURE(correlation);
      // 0.05 and three standard errors of as many experiments, as much more as the intervals of few clusters hold less.
      CHECK(static_cast<double>(at_the_margin) / experiments <= (count == 20 ? 0.095 : 0.085));
      if (count == 120) CHECK(static_cast<double>(equal) / experiments >= 0.95);
    }
}
