#include <cmath>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/ranking/agreement.hpp>
#include <support/numbers.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

using pairs = std::set<std::pair<std::size_t, std::size_t>>;

/// Tau-b from the definition: every pair of heads looked at by its own rule.
double naive_tau(std::vector<double> const& a, std::vector<double> const& b) {
  double concordant = 0, discordant = 0, tied_a = 0, tied_b = 0, all = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      ++all;
      if (a[i] == a[j]) ++tied_a;
      if (b[i] == b[j]) ++tied_b;
      if ((a[i] < a[j] && b[i] < b[j]) || (a[i] > a[j] && b[i] > b[j])) ++concordant;
      if ((a[i] < a[j] && b[i] > b[j]) || (a[i] > a[j] && b[i] < b[j])) ++discordant;
    }
  return (concordant - discordant) / std::sqrt((all - tied_a) * (all - tied_b));
}

/// The heads with fewer than k better ones in their layer, earlier equals counting as better.
pairs naive_best(ranking const& of, std::size_t k) {
  pairs kept;
  for (std::size_t layer = 0; layer < of.scores.size(); ++layer)
    for (std::size_t head = 0; head < of.scores[layer].size(); ++head) {
      std::size_t better = 0;
      for (std::size_t other = 0; other < of.scores[layer].size(); ++other)
        if (of.scores[layer][other] > of.scores[layer][head] ||
            (of.scores[layer][other] == of.scores[layer][head] && other < head))
          ++better;
      if (better < k) kept.emplace(layer, head);
    }
  return kept;
}

/// Scores of three layers, the first of which has no attention; small whole numbers, so that some are tied.
ranking random_ranking(support::numbers& draw) {
  ranking made{.scores = {{}, {}, {}}};
  for (std::size_t layer = 1; layer < 3; ++layer)
    for (std::size_t head = 0; head < 7; ++head) made.scores[layer].push_back(static_cast<double>(draw.below(5)));
  return made;
}

}  // namespace

TEST_CASE("agreement: Kendall's tau-b of orders that are known") {
  std::vector<double> const up{1, 2, 3, 4};
  CHECK(kendall_tau_b(up, up) == doctest::Approx(1));
  CHECK(kendall_tau_b(up, std::vector<double>{9, 5, 2, -1}) == doctest::Approx(-1));
  CHECK(kendall_tau_b(up, std::vector<double>{1, 3, 2, 4}) == doctest::Approx(4.0 / 6));
  // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]), as its documentation gives it
  CHECK(kendall_tau_b(std::vector<double>{12, 2, 1, 12, 2}, std::vector<double>{1, 4, 7, 1, 0}) ==
        doctest::Approx(-0.47140452079103173).epsilon(1e-14));
  CHECK(std::isnan(kendall_tau_b(up, std::vector<double>{1, 1, 1, 1})));
  CHECK_THROWS_AS((void)kendall_tau_b(up, std::vector<double>{1, 2}), error);
}

TEST_CASE("agreement: of rankings, layer by layer, as counted pair by pair") {
  support::numbers draw{5};
  for (int round = 0; round < 50; ++round) {
    auto const a = random_ranking(draw);
    auto const b = random_ranking(draw);
    auto const tau = (naive_tau(a.scores[1], b.scores[1]) + naive_tau(a.scores[2], b.scores[2])) / 2;
    CHECK(kendall_tau_b(a, b) == doctest::Approx(tau).epsilon(1e-12));
    CHECK(kendall_tau_b(a, a) == doctest::Approx(1));
    for (auto const k : {std::size_t{1}, std::size_t{3}, std::size_t{7}}) {
      auto const kept_by_a = naive_best(a, k);
      auto united = naive_best(b, k);
      std::size_t both = 0;
      for (auto const& head : kept_by_a) both += united.contains(head) ? 1 : 0;
      united.insert(kept_by_a.begin(), kept_by_a.end());
      CHECK(jaccard_at(k, a, b) == static_cast<double>(both) / static_cast<double>(united.size()));
    }
    CHECK(jaccard_at(7, a, b) == 1);
    CHECK(std::isnan(jaccard_at(0, a, b)));
  }
}

TEST_CASE("agreement: rankings of different heads are refused") {
  ranking const a{.scores = {{}, {1, 2}}};
  CHECK_THROWS_AS((void)kendall_tau_b(a, ranking{.scores = {{1, 2}, {}}}), error);
  CHECK_THROWS_AS((void)jaccard_at(1, a, ranking{.scores = {{}, {1, 2}, {}}}), error);
}
