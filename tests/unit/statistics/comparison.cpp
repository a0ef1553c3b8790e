// statistics/cluster.hpp, sign_flip.hpp, detectable.hpp and comparison.hpp.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/statistics/comparison.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// How often a coin that shows heads with probability `p` shows `k` heads in `n` throws.
double binomial_probability(std::size_t n, std::size_t k, double p) {
  auto const log_factorial = [](std::size_t of) { return std::lgamma(static_cast<double>(of) + 1); };
  return std::exp(log_factorial(n) - log_factorial(k) - log_factorial(n - k) + static_cast<double>(k) * std::log(p) +
                  static_cast<double>(n - k) * std::log1p(-p));
}

/// The power of the McNemar test without correction, for a discordance and a difference: a sum over every outcome.
double power_of_mcnemar(std::size_t n, double discordance, double difference) {
  double power = 0;
  for (std::size_t differing = 1; differing <= n; ++differing) {
    auto const weight = binomial_probability(n, differing, discordance);
    for (std::size_t wins = 0; wins <= differing; ++wins) {
      auto const lead = std::abs(2 * static_cast<double>(wins) - static_cast<double>(differing));
      if (lead > 1.959964 * std::sqrt(static_cast<double>(differing)))
        power += weight * binomial_probability(differing, wins, (discordance + difference) / (2 * discordance));
    }
  }
  return power;
}

/// One cluster a value.
clusters singles(std::size_t n) {
  clusters groups;
  for (std::size_t i = 0; i < n; ++i) groups.push_back({i});
  return groups;
}

}  // namespace

TEST_CASE("cluster: observations of a name are together, in the order they came") {
  std::vector<std::string> const names{"b", "a", "b", "c", "a", "b"};
  CHECK(cluster_by_name(names) == clusters{{0, 2, 5}, {1, 4}, {3}});
  CHECK(cluster_by_name({}).empty());
}

TEST_CASE("sign_flip: Fisher's test of Darwin's maize, 1726 of 32768") {
  // The Design of Experiments, section 21: differences in height of 15 pairs, in eighths of an inch.
  std::vector<double> const maize{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
  auto const tested = sign_flip_test(maize, random_stream{1});
  CHECK(tested.exact);
  CHECK(tested.p == 1726.0 / 32768);
  auto scaled = maize;
  for (auto& value : scaled) value *= 0.1;  // equal sums that differ by rounding stay equal
  CHECK(sign_flip_test(scaled, random_stream{1}).p == 1726.0 / 32768);
  scaled.insert(scaled.begin() + 4, 30, 0.0);  // pairs that agree say nothing
  CHECK(sign_flip_test(scaled, random_stream{1}).p == 1726.0 / 32768);
}

TEST_CASE("sign_flip: of right and wrong answers it is McNemar's test") {
  for (std::size_t only_a = 0; only_a <= 9; ++only_a)
    for (std::size_t only_b = 0; only_b <= 7; ++only_b) {
      std::vector<double> differences(only_a, 1);
      differences.insert(differences.end(), only_b, -1);
      outcomes a(only_a, true);
      a.insert(a.end(), only_b, false);
      auto b = a;
      b.flip();
      CHECK(sign_flip_test(differences, random_stream{1}).p == doctest::Approx(mcnemar(a, b)).epsilon(1e-12));
    }
}

TEST_CASE("sign_flip: many differences are estimated, the same for the same seed") {
  // 40 differing answers, 26 to 14: the exact p is known from the binomial distribution.
  std::vector<double> differences(26, 1);
  differences.insert(differences.end(), 14, -1);
  double exact = 0;
  for (std::size_t k = 0; k <= 14; ++k) exact += 2 * binomial_probability(40, k, 0.5);
  constexpr std::size_t draws = 20000;
  auto const tested = sign_flip_test(differences, random_stream{2}, draws);
  CHECK_FALSE(tested.exact);
  CHECK(std::abs(tested.p - exact) < 4 * std::sqrt(exact * (1 - exact) / draws));
  CHECK(sign_flip_test(differences, random_stream{2}, draws).p == tested.p);
  CHECK(sign_flip_test(differences, random_stream{3}, draws).p != tested.p);
  CHECK(sign_flip_test(std::vector<double>(200, 1.5), random_stream{2}, 999).p == 0.001);  // never zero
}

TEST_CASE("sign_flip: without a difference there is nothing to see") {
  CHECK(sign_flip_test({}, random_stream{1}).p == 1);
  CHECK(sign_flip_test(std::vector<double>(9), random_stream{1}).p == 1);
}

TEST_CASE("detectable: Connor's sample size for the difference is the sample's size") {
  // Connor 1987, equation 4, with the normal quantiles of a table: two-sided 5%, power 80%.
  for (double const discordance : {0.05, 0.2, 0.6, 1.0})
    for (std::size_t const pairs : {20u, 200u, 14042u}) {
      auto const difference = detectable_difference(discordance, pairs);
      auto const root =
          1.959963985 * std::sqrt(discordance) + 0.841621234 * std::sqrt(discordance - difference * difference);
      CHECK(root * root / (difference * difference) == doctest::Approx(static_cast<double>(pairs)).epsilon(1e-7));
    }
  CHECK(std::isinf(detectable_difference(0.2, 1)));
  CHECK(detectable_difference(0, 50) == 0);
}

TEST_CASE("detectable: a difference of that size is seen four times of five") {
  for (double const discordance : {0.1, 0.3, 0.7}) {
    auto const pairs = static_cast<std::size_t>(std::lround(60 / discordance));  // so that 60 differ
    auto const power = power_of_mcnemar(pairs, discordance, detectable_difference(discordance, pairs));
    CHECK(std::abs(power - 0.8) < 0.01);
  }
}

TEST_CASE("detectable: six pairs must differ, and the least share makes that likely enough") {
  CHECK(fewest_differing_pairs() == 6);
  CHECK(fewest_differing_pairs(0.0625) == 5);
  CHECK(std::isinf(least_detectable_share(5)));
  for (std::size_t const pairs : {6u, 40u, 200u}) {
    auto const share = least_detectable_share(pairs);
    double power = 0;
    for (std::size_t k = 6; k <= pairs; ++k) power += binomial_probability(pairs, k, share);
    CHECK(power == doctest::Approx(0.8).epsilon(1e-9));
  }
}

TEST_CASE("comparison: right and wrong answers") {
  std::vector<double> a(100);
  std::vector<double> b(100);
  for (std::size_t i = 0; i < 40; ++i) a[i] = b[i] = 1;
  for (std::size_t i = 40; i < 58; ++i) a[i] = 1;
  for (std::size_t i = 58; i < 62; ++i) b[i] = 1;
  auto const found = compare(paired_means(a, b, right_or_wrong, singles(100)));
  CHECK(found.pairs == 100);
  CHECK(found.clusters == 100);
  CHECK(found.mean_a == doctest::Approx(0.58));
  CHECK(found.mean_b == doctest::Approx(0.44));
  CHECK(found.difference == doctest::Approx(0.14));
  double tail = 0;
  for (std::size_t k = 0; k <= 4; ++k) tail += 2 * binomial_probability(22, k, 0.5);
  CHECK(found.p == doctest::Approx(tail).epsilon(1e-9));
  CHECK(found.test == "exact McNemar test");
  CHECK(found.smallest_detectable == detectable_difference(0.22, 100));
  // Near the interval of a mean of 100 differences with this spread, and a little wider, as Wilson's are.
  auto const deviation = std::sqrt((0.22 - 0.14 * 0.14) / 100);
  CHECK(std::abs(found.range.low - (0.14 - 1.96 * deviation)) < 0.02);
  CHECK(std::abs(found.range.high - (0.14 + 1.96 * deviation)) < 0.02);
  CHECK(found.range.high - found.range.low > 2 * 1.96 * deviation);
}

TEST_CASE("comparison: it does not depend on who is called a") {
  random_stream random{8};
  std::vector<double> a, b;
  for (int i = 0; i < 25; ++i) a.push_back(random.number()), b.push_back(random.number());
  auto const found = compare(paired_means(a, b, real_scale, singles(25)));
  auto const turned = compare(paired_means(b, a, real_scale, singles(25)));
  CHECK(turned.difference == -found.difference);
  CHECK(turned.smallest_detectable == found.smallest_detectable);
  CHECK(turned.p == found.p);
}

TEST_CASE("comparison: a prompt that is there ten times is one") {
  random_stream random{9};
  std::vector<double> a, b, many_a, many_b;
  clusters groups(12);
  for (std::size_t i = 0; i < 12; ++i) {
    a.push_back(random.number() + 0.3);
    b.push_back(random.number());
    for (int copy = 0; copy < 10; ++copy) {
      groups[i].push_back(many_a.size());
      many_a.push_back(a.back());
      many_b.push_back(b.back());
    }
  }
  auto const once = compare(paired_means(a, b, real_scale, singles(12)));
  auto const many = compare(paired_means(many_a, many_b, real_scale, groups));
  CHECK(many.pairs == 120);
  CHECK(many.clusters == 12);
  CHECK(many.test == "exact paired permutation test");
  CHECK(many.p == once.p);
  CHECK(many.difference == doctest::Approx(once.difference).epsilon(1e-12));
  CHECK(many.range.low == doctest::Approx(once.range.low).epsilon(1e-12));
  CHECK(many.smallest_detectable == doctest::Approx(once.smallest_detectable).epsilon(1e-12));
}

TEST_CASE("comparison: what a sample without a difference could have shown") {
  std::vector<double> const same(80, 1.0);
  auto const right = compare(paired_means(same, same, right_or_wrong, singles(80)));
  CHECK(right.p == 1);
  CHECK(right.difference == 0);
  CHECK(right.smallest_detectable == least_detectable_share(80));
  std::vector<double> const losses(80, 3.5);  // without bounds, nothing is known
  CHECK(std::isinf(compare(paired_means(losses, losses, real_scale, singles(80))).smallest_detectable));
  std::vector<double> const few{3, 4, 5};
  CHECK(
      std::isinf(compare(paired_means(few, std::vector<double>{1, 1, 1}, real_scale, singles(3))).smallest_detectable));
}

TEST_CASE("comparison: of real values it is Student's paired test's interval") {
  // Student 1908 (Cushny & Peebles): hours of sleep gained by ten patients with either drug; the published differences
  // have mean 1.58 and standard error 0.3890, so 95% limits of 0.70 and 2.46.
  std::vector<double> const a{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  std::vector<double> const b{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
  auto const found = compare(paired_means(a, b, real_scale, singles(10)));
  CHECK(found.difference == doctest::Approx(1.58));
  CHECK(found.range.low == doctest::Approx(1.58 - 2.262157 * 0.38900).epsilon(1e-4));
  CHECK(found.range.high == doctest::Approx(1.58 + 2.262157 * 0.38900).epsilon(1e-4));
}

TEST_CASE("comparison: of several clusterings the widest interval and the largest p count") {
  random_stream random{12};
  std::vector<double> a, b;
  clusters fours(10);
  for (std::size_t i = 0; i < 40; ++i) {
    auto const shared = static_cast<double>(i / 4 % 3) - 0.4;
    a.push_back(shared + 0.1 * random.number());
    b.push_back(0.1 * random.number());
    fours[i / 4].push_back(i);
  }
  auto sample = paired_means(a, b, real_scale, singles(40));
  auto const alone = compare(sample);
  sample.by = {fours};
  auto const clustered = compare(sample);
  sample.by = {singles(40), fours};
  auto const both = compare(sample);
  CHECK(clustered.range.high - clustered.range.low > alone.range.high - alone.range.low);
  CHECK(both.range.low == clustered.range.low);
  CHECK(both.clusters == 10);
  CHECK(both.p == std::max(alone.p, clustered.p));
}

TEST_CASE("swap_test: of means it is the sign flip test, of the same clusters") {
  random_stream random{13};
  std::vector<row_sums> a, b;
  std::vector<double> differences;
  for (int i = 0; i < 11; ++i) {
    a.push_back({random.number() + 0.2, 1});
    b.push_back({random.number(), 1});
    differences.push_back(a.back()[0] - b.back()[0]);
  }
  auto const swapped = swap_test<4>(a, b, mean_of_rows.total, random_stream{1});
  CHECK(swapped.exact);
  CHECK(swapped.p == sign_flip_test(differences, random_stream{1}).p);
  CHECK(swap_test<4>(a, a, mean_of_rows.total, random_stream{1}).p == 1);
}
