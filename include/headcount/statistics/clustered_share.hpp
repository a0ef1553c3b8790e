#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <boost/math/tools/minima.hpp>
#include <boost/math/tools/roots.hpp>

#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/mean_interval.hpp>

namespace headcount::v0::evaluate {

/// How likely the answers of clusters are when the chance of a right one varies between clusters as a beta
/// distribution: `share` is its mean, `correlation` that of two answers of one cluster, 0 (prompts are independent) to
/// 1 (all answers of a cluster agree). Source: Skellam 1948; in this form Griffiths 1973.
class beta_binomial {
 public:
  /// `shares` are right answers of all answers, a pair a cluster.
  explicit beta_binomial(std::span<share const> shares) {
    std::size_t longest = 0;
    for (auto const& one : shares) longest = (std::max)(longest, one.n);
    right_.resize(longest + 1);
    wrong_.resize(longest + 1);
    all_.resize(longest + 1);
    for (auto const& [hits, n] : shares) {  // how many clusters have more than i: of each count, then summed
      ++right_[hits];
      ++wrong_[n - hits];
      ++all_[n];
    }
    for (auto* counts : {&right_, &wrong_, &all_}) {
      double more = 0;
      for (auto at = counts->rbegin(); at != counts->rend(); ++at) more += std::exchange(*at, more);
    }
    mixed_ = right_[0] + wrong_[0] - all_[0];
  }

  /// Log-likelihood but for a constant, 0 < share < 1. O(size of the largest cluster).
  [[nodiscard]] double operator()(double share, double correlation) const {
    auto const apart = 1 - correlation;
    auto sum = right_[0] * std::log(share) + wrong_[0] * std::log(1 - share);
    if (mixed_ > 0) sum += mixed_ * std::log(apart);
    for (std::size_t i = 1; i < all_.size(); ++i) {
      auto const together = static_cast<double>(i) * correlation;
      if (right_[i] > 0) sum += right_[i] * std::log(share * apart + together);
      if (wrong_[i] > 0) sum += wrong_[i] * std::log((1 - share) * apart + together);
      if (all_[i] > 0) sum -= all_[i] * std::log(apart + together);
    }
    return sum;
  }

  /// The log-likelihood at the likeliest correlation.
  [[nodiscard]] double profile(double share) const {
    auto const cost = [&](double root) { return -(*this)(share, root * root); };  // more steps where little correlates
    auto const inside = -boost::math::tools::brent_find_minima(cost, 0.0, 1 - 1e-9, 14).second;
    return (std::max)({inside, -cost(0), mixed_ > 0 ? inside : -cost(1)});
  }

 private:
  std::vector<double> right_, wrong_, all_;  ///< of each i, how many clusters have more than i
  double mixed_ = 0;                         ///< clusters that have both
};

/// The interval of a share over clusters of answers, two clusters or more.
///
/// Where no cluster has two answers it is Wilson's, and where all answers agree Wilson's for as many as there are
/// clusters. Otherwise it holds every share that the profile likelihood of the beta-binomial distribution does not
/// refuse, with the critical value that makes the interval of a normal mean of as many clusters Student's:
///
///     2 (log L_max - log L(share)) <= clusters * log(1 + t^2 / (clusters - 1))
///
/// It holds the share of all answers together, too. Source: Saha, Miller & Wang 2016 (profile likelihood of clustered
/// answers, there the most accurate of those compared).
[[nodiscard]] inline interval clustered_share_interval(std::span<share const> shares, double confidence = 0.95) {
  share all;
  bool alone = true;
  for (auto const& one : shares) {
    all.hits += one.hits;
    all.n += one.n;
    alone = alone && one.n == 1;
  }
  if (alone) return wilson(all, confidence);
  auto const count = static_cast<double>(shares.size());
  if (all.hits == 0 || all.hits == all.n) return wilson(all.value(), count, quantile_of(0, confidence));
  if (shares.size() < 2) return {0, 1};

  beta_binomial const likelihood{shares};
  auto const t = quantile_of(count - 1, confidence);
  auto const critical = count * std::log1p(t * t / (count - 1));
  constexpr double edge = 1e-9;
  auto const cost = [&](double share) { return -likelihood.profile(share); };
  auto const [best, least] = boost::math::tools::brent_find_minima(cost, edge, 1 - edge, 14);
  auto const refused_from = critical / 2 + least;
  auto const excess = [&](double share) { return cost(share) - refused_from; };
  auto const root = [&](double low, double high) {
    if (excess(low) * excess(high) > 0) return low < best ? low : high;  // nothing up to the edge is refused
    std::uintmax_t steps = 40;
    auto const [from, to] =
        boost::math::tools::toms748_solve(excess, low, high, boost::math::tools::eps_tolerance<double>(20), steps);
    return (from + to) / 2;
  };
  return {(std::min)(root(edge, best), all.value()), (std::max)(root(best, 1 - edge), all.value())};
}

/// One policy's answers and another's in a cluster of prompts: how many only the first got right, and only the second.
struct paired_answers {
  std::size_t only_a = 0;
  std::size_t only_b = 0;
  std::size_t n = 0;
};

/// The interval of the difference of two shares on the same prompts, over clusters of these: from the intervals of the
/// two shares of prompts that only one got right, which it recovers the variances from.
///
///     low = d - sqrt((a - a_low)^2 + (b_high - b)^2 - 2 r (a - a_low) (b_high - b)),  d = a - b
///
/// r is the correlation of the two over clusters.
/// Source: Zou & Donner 2008 (the method, MOVER); Newcombe 1998 for shares.
[[nodiscard]] inline interval paired_share_interval(std::span<paired_answers const> answers, double confidence = 0.95) {
  std::vector<share> only_a;
  std::vector<share> only_b;
  double n = 0;
  double a = 0;
  double b = 0;
  for (auto const& one : answers) {
    only_a.push_back({one.only_a, one.n});
    only_b.push_back({one.only_b, one.n});
    n += static_cast<double>(one.n);
    a += static_cast<double>(one.only_a);
    b += static_cast<double>(one.only_b);
  }
  a /= n;
  b /= n;
  double squares_a = 0;
  double squares_b = 0;
  double products = 0;
  for (auto const& one : answers) {
    auto const size = static_cast<double>(one.n);
    auto const error_a = static_cast<double>(one.only_a) - a * size;
    auto const error_b = static_cast<double>(one.only_b) - b * size;
    squares_a += error_a * error_a;
    squares_b += error_b * error_b;
    products += error_a * error_b;
  }
  auto const r = squares_a > 0 && squares_b > 0 ? products / std::sqrt(squares_a * squares_b) : 0;
  auto const of_a = clustered_share_interval(only_a, confidence);
  auto const of_b = clustered_share_interval(only_b, confidence);
  auto const reach = [r](double x, double y) { return std::sqrt((std::max)(0.0, x * x + y * y - 2 * r * x * y)); };
  return {(std::max)(-1.0, a - b - reach(a - of_a.low, of_b.high - b)),
          (std::min)(1.0, a - b + reach(of_a.high - a, b - of_b.low))};
}

}  // namespace headcount::v0::evaluate
