// statistics/crossed.hpp and clustered_mean.hpp.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/crossed.hpp>
#include <headcount/statistics/jackknife.hpp>
#include <headcount/statistics/mean_interval.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// Clusters of these sizes, their members one after the other.
clusters clusters_of(std::vector<std::size_t> const& sizes) {
  clusters groups;
  std::size_t next = 0;
  for (auto const size : sizes) {
    groups.emplace_back();
    for (std::size_t i = 0; i < size; ++i) groups.back().push_back(next++);
  }
  return groups;
}

double normal(random_stream& random) {
  return std::sqrt(-2 * std::log(1 - random.number())) * std::cos(2 * std::numbers::pi * random.number());
}

}  // namespace

TEST_CASE(
    "clustered_mean: of single observations it is the usual variance, with one degree of freedom less than those") {
  std::vector<double> const values{3, 1, 4, 1, 5, 9, 2, 6};
  auto const found = clustered_mean(clusters_of(std::vector<std::size_t>(8, 1)), values);
  CHECK(found.mean == doctest::Approx(31.0 / 8));
  CHECK(found.variance == doctest::Approx((173 - 31.0 * 31 / 8) / 7 / 8).epsilon(1e-12));
  CHECK(found.degrees == doctest::Approx(7).epsilon(1e-12));
}

TEST_CASE("clustered_mean: prompts that are there several times add nothing") {
  std::vector<double> const once{3, 1, 4, 1, 5};
  std::vector<double> thrice;
  for (auto const value : once) thrice.insert(thrice.end(), 3, value);
  auto const single = clustered_mean(clusters_of({1, 1, 1, 1, 1}), once);
  auto const repeated = clustered_mean(clusters_of({3, 3, 3, 3, 3}), thrice);
  CHECK(repeated.variance == doctest::Approx(single.variance).epsilon(1e-12));
  CHECK(repeated.degrees == doctest::Approx(4).epsilon(1e-12));
}

TEST_CASE("clustered_mean: degrees of freedom of unequal clusters by their definition") {
  // Satterthwaite's, from the matrix of the residuals' covariances written out: clusters of 1, 2, 5 and 12 whose
  // members agree have errors r_k = w_k (x_k - sum w x).
  std::vector<double> const w{0.05, 0.1, 0.25, 0.6};
  double trace = 0;
  double squares = 0;
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t l = 0; l < 4; ++l) {
      double covariance = 0;
      for (std::size_t m = 0; m < 4; ++m)
        covariance += w[k] * ((k == m ? 1 : 0) - w[m]) * w[l] * ((l == m ? 1 : 0) - w[m]);
      covariance /= std::sqrt((1 - w[k]) * (1 - w[l]));
      trace += k == l ? covariance : 0;
      squares += covariance * covariance;
    }
  CHECK(cluster_degrees(w) == doctest::Approx(trace * trace / squares).epsilon(1e-12));
  CHECK(cluster_degrees(w) < 3);
}

TEST_CASE("clustered_mean: one cluster says nothing of the others") {
  auto const found = clustered_mean(clusters_of({3}), std::vector<double>{1, 2, 3});
  CHECK(found.mean == 2);
  CHECK(std::isinf(found.variance));
}

TEST_CASE("jackknife: of a mean it is the clustered variance, and of one cluster it has none") {
  std::vector<double> const values{3, 1, 4, 1, 5, 9, 2};
  auto const groups = clusters_of({3, 1, 2, 1});
  std::vector<std::array<double, 2>> sums;
  for (auto const value : values) sums.push_back({value, 1});
  auto const mean = [](std::array<double, 2> const& of) { return of[0] / of[1]; };
  auto const left_out = jackknife<2>(sums_of_clusters<2>(groups, sums), cluster_shares(groups, 7), mean);
  auto const direct = clustered_mean(groups, values);
  CHECK(left_out.mean == doctest::Approx(direct.mean).epsilon(1e-12));
  CHECK(left_out.variance == doctest::Approx(direct.variance).epsilon(1e-12));
  CHECK(left_out.degrees == direct.degrees);
  auto const whole = clusters_of({7});
  CHECK(std::isinf(jackknife<2>(sums_of_clusters<2>(whole, sums), cluster_shares(whole, 7), mean).variance));
}

TEST_CASE("mean_interval: Student's, cut at the bounds of the scale, and nothing where nothing is known") {
  mean_variance const of{.mean = 0.1, .variance = 0.01, .degrees = 5};
  CHECK(mean_interval(of, real_scale, 6, 6).low == doctest::Approx(0.1 - 2.570582 * 0.1).epsilon(1e-6));
  CHECK(mean_interval(of, at_least(0), 6, 6).low == 0);
  CHECK(mean_interval(of, between(0, 0.2), 6, 6).high == 0.2);
  // A share: Wilson's of the nine answers that have this variance, with Student's quantile.
  auto const share = mean_interval(of, right_or_wrong, 60, 6);
  CHECK(share.low == doctest::Approx(wilson(0.1, 9, 2.570582).low).epsilon(1e-6));
  auto const infinity = std::numeric_limits<double>::infinity();
  CHECK(mean_interval({.mean = 1, .variance = infinity}, at_least(0), 1, 1).high == infinity);
}

TEST_CASE("crossed: draws that agree leave the interval of the prompts, prompts that agree that of the draws") {
  std::vector<double> const answers{3, 1, 4, 1, 5, 9, 2, 6};
  auto const singles = clusters_of(std::vector<std::size_t>(8, 1));
  std::vector<std::vector<double>> const same(10, answers);
  auto const of_prompts = mean_over_draws(same, singles, real_scale);
  auto const plain = mean_interval(clustered_mean(singles, answers), real_scale, 8, 8);
  CHECK(of_prompts.value == doctest::Approx(31.0 / 8));
  CHECK(of_prompts.range.low == doctest::Approx(plain.low).epsilon(1e-12));
  CHECK(of_prompts.range.high == doctest::Approx(plain.high).epsilon(1e-12));
  CHECK(of_prompts.draw_deviation == doctest::Approx(0));

  std::vector<std::vector<double>> by_draw;
  for (auto const value : answers) by_draw.emplace_back(20, value);
  auto const of_draws = mean_over_draws(by_draw, clusters_of(std::vector<std::size_t>(20, 1)), real_scale);
  CHECK(of_draws.range.low == doctest::Approx(plain.low).epsilon(1e-12));
  CHECK(of_draws.range.high == doctest::Approx(plain.high).epsilon(1e-12));
  CHECK(of_draws.cluster_deviation == doctest::Approx(0));
  CHECK(of_draws.draws == 8);
  CHECK(of_draws.prompts == 20);
}

TEST_CASE("crossed: calibration that finds all needles or none is not sure of a third") {
  // 0, 1, 0 and 2/3 of the needles with calibration seeds 1 to 4: whatever the prompts, four draws say little.
  std::vector<std::vector<double>> values(4, std::vector<double>(210));
  std::ranges::fill(values[1], 1.0);
  std::fill_n(values[3].begin(), 140, 1.0);
  auto const found = mean_over_draws(values, clusters_of(std::vector<std::size_t>(210, 1)), right_or_wrong);
  CHECK(found.value == doctest::Approx(5.0 / 12));
  CHECK(found.range.low < 0.1);
  CHECK(found.range.high > 0.8);
  CHECK(found.draw_deviation > 5 * found.cluster_deviation);
}

TEST_CASE("crossed: where every answer agrees, it counts draws or clusters, and not prompts") {
  std::vector<std::vector<double>> const none(8, std::vector<double>(300));
  auto const found = mean_over_draws(none, clusters_of(std::vector<std::size_t>(300, 1)), right_or_wrong);
  CHECK(found.range.low == 0);
  CHECK(found.range.high == doctest::Approx(wilson(share{0, 8}).high));
}

TEST_CASE("crossed: the interval holds the mean over other draws and other prompts as often as it says") {
  // 8 draws, clusters of 1 to 20 prompts; effects of draws, clusters and single answers, of all kinds of sizes.
  random_stream random{11};
  struct sizes {
    double draw, cluster, own;
  };
  for (auto const clusters_asked : {6u, 20u})
    for (auto const [draw, cluster, own] : {sizes{0, 0, 1}, {1, 0, 1}, {0, 1, 1}, {1, 1, 1}, {3, 0.3, 1}}) {
      constexpr std::size_t experiments = 400;
      std::size_t held = 0;
      for (std::size_t e = 0; e < experiments; ++e) {
        std::vector<std::size_t> members;
        for (std::size_t k = 0; k < clusters_asked; ++k) members.push_back(1 + random.below(20));
        auto const groups = clusters_of(members);
        std::vector<double> of_cluster;
        for (std::size_t k = 0; k < clusters_asked; ++k) of_cluster.push_back(cluster * normal(random));
        std::vector<std::vector<double>> values(8);
        for (auto& one : values) {
          auto const of_draw = draw * normal(random);
          for (std::size_t k = 0; k < groups.size(); ++k)
            for (std::size_t i = 0; i < groups[k].size(); ++i)
              one.push_back(of_draw + of_cluster[k] + own * normal(random));
        }
        auto const range = mean_over_draws(values, groups, real_scale).range;
        held += range.low <= 0 && 0 <= range.high ? 1 : 0;
      }
      CAPTURE(clusters_asked);
      CAPTURE(draw);
      CAPTURE(cluster);
      CHECK(static_cast<double>(held) / experiments >= (clusters_asked == 6 ? 0.90 : 0.93));
    }
}

TEST_CASE("crossed: what cannot be said is refused") {
  auto const message = [](std::vector<std::vector<double>> const& values, std::vector<std::size_t> const& sizes) {
    try {
      (void)mean_over_draws(values, clusters_of(sizes), real_scale);
    } catch (error const& failure) {
      return std::string{failure.what()};
    }
    return std::string{};
  };
  CHECK(message({{1, 2}}, {1, 1}).find("1 draws, 2 clusters") != std::string::npos);
  CHECK(message({{1, 2}, {1, 2}}, {2}).find("2 draws, 1 clusters") != std::string::npos);
  CHECK(message({{1, 2}, {1}}, {1, 1}).find("draws of 2 and 1 prompts") != std::string::npos);
}
