// How often 95% intervals hold the truth, and how wide they are, in simulated experiments: the table of
// docs/statistics.md. A cell's line names the narrowest of the compared methods that holds the truth often enough.
// Usage: bench_coverage [EXPERIMENTS] [SEED]

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <boost/math/distributions/beta.hpp>

#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/clustered_mean.hpp>
#include <headcount/statistics/clustered_share.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/mean_interval.hpp>

#include "../tests/support/experiments.hpp"

namespace {

using namespace headcount;
using namespace headcount::evaluate;

struct method {
  std::string name;
  double held = 0;
  double width = 0;
};

void note(std::vector<method>& all, std::size_t at, char const* name, interval const& range, double truth) {
  if (all.size() <= at) all.push_back({name});
  all[at].held += range.low <= truth && truth <= range.high ? 1 : 0;
  all[at].width += range.high - range.low;
}

/// Cluster sums as errors and shares: the variance of a mean.
mean_variance variance_of(std::vector<double> const& sums, std::vector<double> const& sizes) {
  double n = 0;
  mean_variance found;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    n += sizes[k];
    found.mean += sums[k];
  }
  found.mean /= n;
  std::vector<double> errors;
  std::vector<double> shares;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    errors.push_back((sums[k] - found.mean * sizes[k]) / n);
    shares.push_back(sizes[k] / n);
  }
  found.variance = cluster_variance(errors, shares);
  found.degrees = cluster_degrees(shares);
  return found;
}

/// The percentile bootstrap over clusters, 400 replicates.
interval percentile(std::vector<double> const& sums, std::vector<double> const& sizes, random_stream random) {
  std::vector<double> means;
  for (int r = 0; r < 400; ++r) {
    double sum = 0;
    double n = 0;
    for (std::size_t k = 0; k < sums.size(); ++k) {
      auto const drawn = random.below(sums.size());
      sum += sums[drawn];
      n += sizes[drawn];
    }
    means.push_back(sum / n);
  }
  return percentile_interval(means);
}

/// Korn & Graubard 1998: Clopper and Pearson's interval with an effective number of answers.
interval korn_graubard(mean_variance const& of, double n) {
  if (of.variance == 0) n = std::min(n, of.degrees + 1);
  else {
    auto const z = quantile_of(0) / quantile_of(of.degrees);
    n = std::min(n, of.mean * (1 - of.mean) / of.variance * z * z);
  }
  auto const hits = of.mean * n;
  auto const at = [](double a, double b, double q) {
    return boost::math::quantile(boost::math::beta_distribution<>(a, b), q);
  };
  return {hits <= 0 ? 0 : at(hits, n - hits + 1, 0.025), hits >= n ? 1 : at(hits + 1, n - hits, 0.975)};
}

void print(std::string const& cell, std::vector<method>& all, double experiments, bool few) {
  auto const bar = few ? 0.90 : 0.93;
  auto const enough = [&](method const& one) { return one.held / experiments >= bar; };
  auto const* best = &all.front();
  for (auto const& one : all)
    if (enough(one) && (!enough(*best) || one.width < best->width)) best = &one;
  std::printf("%s |", cell.c_str());
  for (auto const& one : all) std::printf(" %.3f %.3f |", one.held / experiments, one.width / experiments);
  std::printf(" %s | %.2f%s |\n", enough(*best) ? best->name.c_str() : "none", all.front().width / best->width,
              enough(all.front()) ? "" : " LOW");
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** texts) {
  auto const experiments = count > 1 ? std::strtoul(texts[1], nullptr, 10) : 2000;
  random_stream random{count > 2 ? std::strtoull(texts[2], nullptr, 10) : 1};
  std::printf(
      "| clusters | correlation | share | here: held, width | Student, CR2 | Wilson, effective n | Korn & Graubard "
      "| bootstrap | narrowest that holds | ratio |\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (std::size_t const clusters : {6u, 20u, 120u})
    for (double const correlation : {0.0, 0.2, 0.5, 1.0})
      for (double const share : {0.05, 0.2, 0.5, 0.95}) {
        std::vector<method> all;
        for (std::size_t e = 0; e < experiments; ++e) {
          auto const drawn = test::draw_shares({clusters, share, correlation}, random);
          std::vector<double> sums, sizes;
          double n = 0;
          for (auto const& one : drawn) {
            sums.push_back(static_cast<double>(one.hits));
            sizes.push_back(static_cast<double>(one.n));
            n += sizes.back();
          }
          auto const of = variance_of(sums, sizes);
          note(all, 0, "here", clustered_share_interval(drawn), share);
          note(all, 1, "Student", mean_interval(of, between(0, 1), 0, 0), share);
          note(all, 2, "Wilson", mean_interval(of, right_or_wrong, static_cast<std::size_t>(n), clusters), share);
          note(all, 3, "Korn & Graubard", korn_graubard(of, n), share);
          note(all, 4, "bootstrap", percentile(sums, sizes, random_stream{e}), share);
        }
        char cell[64];
        std::snprintf(cell, sizeof cell, "| %zu | %.1f | %.2f", clusters, correlation, share);
        print(cell, all, static_cast<double>(experiments), clusters == 6);
      }
  std::printf(
      "\n| clusters | correlation | only a, only b | here: held, width | Student, CR2 | bootstrap | narrowest that "
      "holds | ratio |\n|---|---|---|---|---|---|---|---|\n");
  struct chances {
    double a, b;
  };
  for (std::size_t const clusters : {6u, 20u, 120u})
    for (double const correlation : {0.0, 0.2, 0.5, 1.0})
      for (auto const [a, b] : {chances{0.05, 0.05}, {0.15, 0.05}, {0.4, 0.1}}) {
        std::vector<method> all;
        for (std::size_t e = 0; e < experiments; ++e) {
          auto const drawn = test::draw_pairs({clusters, a, b, correlation}, random);
          std::vector<double> sums, sizes;
          for (auto const& one : drawn) {
            sums.push_back(static_cast<double>(one.only_a) - static_cast<double>(one.only_b));
            sizes.push_back(static_cast<double>(one.n));
          }
          note(all, 0, "here", paired_share_interval(drawn), a - b);
          note(all, 1, "Student", mean_interval(variance_of(sums, sizes), between(-1, 1), 0, 0), a - b);
          note(all, 2, "bootstrap", percentile(sums, sizes, random_stream{e}), a - b);
        }
        char cell[64];
        std::snprintf(cell, sizeof cell, "| %zu | %.1f | %.2f, %.2f", clusters, correlation, a, b);
        print(cell, all, static_cast<double>(experiments), clusters == 6);
      }
}
