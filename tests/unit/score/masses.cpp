#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/score/accumulator.hpp>
#include <headcount/score/distant_mass.hpp>
#include <headcount/score/max.hpp>
#include <headcount/score/recent_mass.hpp>
#include <headcount/score/sink_mass.hpp>
#include <headcount/score/span_mass.hpp>
#include <headcount/score/top_mass.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/rows.hpp>

// The share of a row's weight that lies on some keys.

using namespace headcount;

namespace {

/// The weight on the keys whose positions `counts` says yes to; the row's first key stands at `first`.
template <class Counts>
double mass_where(std::vector<double> const& weights, std::size_t first, Counts const& counts) {
  long double sum = 0;
  for (std::size_t key = 0; key < weights.size(); ++key)
    if (counts(first + key)) sum += static_cast<long double>(weights[key]);
  return static_cast<double>(sum);
}

/// Checks a scorer on every row, at the start of its sequence and after a window has dropped tokens, as a row and as a
/// stream; `counts(position, first, last)` says which tokens it should count.
template <class Score, class Counts>
void check_mass(Score const& score, Counts const& counts) {
  for (auto const& row : support::logit_rows())
    for (std::size_t const first : {0u, 3u, 40u}) {
      CAPTURE(row.what);
      CAPTURE(first);
      auto const weights = support::weights_of(row);
      auto const last = first + weights.size() - 1;
      site const where{.position = last};
      auto const exact =
          mass_where(weights, first, [&](std::size_t position) { return counts(position, first, last); });
      CHECK(std::abs(score(weights, where) - exact) < 1e-12);
      CHECK(std::abs(score(support::as<float>(weights), where) - exact) < 1e-6);
      auto sum = score.start(where, weights.size());
      for (std::size_t key = 0; key < row.logits.size(); ++key) sum.add(key, row.logits[key]);
      CHECK(std::abs(sum.score(score) - exact) < 1e-12);
    }
}

}  // namespace

TEST_CASE("sink_mass: is the weight on the first tokens of the sequence, those that a window dropped having none") {
  for (std::size_t const n : {1u, 4u, 41u, 100000u})
    check_mass(score::sink_mass{n}, [n](std::size_t at, std::size_t, std::size_t) { return at < n; });
  std::vector const row{0.5, 0.25, 0.125, 0.125};
  CHECK(score::sink_mass{2}(row, {.position = 3}) == 0.75);
  CHECK(score::sink_mass{2}(row, {.position = 4}) == 0.5);
  CHECK(score::sink_mass{2}(row, {.position = 9}) == 0);
}

TEST_CASE("recent_mass: is the weight on the last visible keys, all of it where there are no more") {
  for (std::size_t const n : {1u, 4u, 64u, 100000u})
    check_mass(score::recent_mass{n}, [n](std::size_t at, std::size_t, std::size_t last) { return last - at < n; });
  CHECK(score::recent_mass{2}(std::vector{0.5, 0.25, 0.125, 0.125}, {.position = 3}) == 0.25);
}

TEST_CASE("distant_mass: is what neither sinks nor recent keys hold") {
  for (std::size_t const sink : {0u, 4u, 50u})
    for (std::size_t const recent : {0u, 1u, 64u})
      check_mass(score::distant_mass{sink, recent},
                 [=](std::size_t at, std::size_t, std::size_t last) { return at >= sink && last - at >= recent; });
  CHECK(score::distant_mass{1, 1}(std::vector{0.5, 0.25, 0.125, 0.125}, {.position = 3}) == 0.375);
  CHECK(score::distant_mass{}.sink == 4);
  CHECK(score::distant_mass{}.recent == 64);
}

TEST_CASE("sink_mass, distant_mass, recent_mass: are the whole row together") {
  for (auto const& row : support::logit_rows()) {
    if (row.logits.size() < 20) continue;
    auto const weights = support::weights_of(row);
    site const where{.position = weights.size() + 1};
    CHECK(score::sink_mass{7}(weights, where) + score::distant_mass{7, 9}(weights, where) +
              score::recent_mass{9}(weights, where) ==
          doctest::Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("span_mass: is the weight on positions of the sequence, wherever the row begins") {
  check_mass(score::span_mass{{{5, 5}}}, [](std::size_t at, std::size_t, std::size_t) { return at == 5; });
  check_mass(score::span_mass{{{0, 2}, {4, 30}, {45, 45}, {90, 300}}}, [](std::size_t at, std::size_t, std::size_t) {
    return at <= 2 || (at >= 4 && at <= 30) || at == 45 || (at >= 90 && at <= 300);
  });
  check_mass(score::span_mass{{{1000000, 1000001}}}, [](std::size_t, std::size_t, std::size_t) { return false; });
  check_mass(score::span_mass{}, [](std::size_t, std::size_t, std::size_t) { return false; });
}

TEST_CASE("top_mass: is the weight on the largest weights, as many as there are") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    auto sorted = weights;
    std::ranges::sort(sorted, std::greater{});
    double last = 0;
    for (std::size_t const n : {1u, 2u, 3u, 17u, 100u, 256u}) {
      CAPTURE(n);
      auto const count = static_cast<std::ptrdiff_t>(std::min(n, sorted.size()));
      auto const exact = static_cast<double>(std::accumulate(sorted.begin(), sorted.begin() + count, 0.0L));
      CHECK(std::abs(score::top_mass{n}(weights)-exact) < 1e-13);
      auto shuffled = weights;
      std::ranges::reverse(shuffled);
      CHECK(std::abs(score::top_mass{n}(shuffled)-exact) < 1e-13);
      CHECK(exact >= last);
      last = exact;
    }
    CHECK(score::top_mass{1}(weights) == score::max{}(weights));
  }
  CHECK(score::top_mass{3}(std::vector<float>{}) == 0);
  CHECK(std::isnan(score::top_mass{1}(std::vector{0.5, support::not_a_number, 0.5})));
}
