// Row scorers on random rows and with random parameters, against their formulas written out in long double.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <headcount/core/site.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/score/accumulator.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/example_parts.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/property.hpp>

using namespace headcount;
using support::types;

namespace {

using real = long double;

/// A row and where it stands: `first` is the position of its first key, behind which a window has dropped others.
struct random_row {
  std::vector<double> logits;
  std::vector<double> weights;
  std::size_t first = 0;

  [[nodiscard]] site where() const { return {.position = first + weights.size() - 1, .heads = 1}; }

  /// The sum of what `term` makes of each weight and its position.
  template <class Term>
  [[nodiscard]] real sum(Term const& term) const {
    real total = 0;
    for (std::size_t key = 0; key < weights.size(); ++key) total += term(static_cast<real>(weights[key]), first + key);
    return total;
  }
};

/// From uniform to peaked, with masked keys at times.
random_row draw_row() {
  support::numbers draw{*rc::gen::arbitrary<std::uint64_t>()};
  auto const keys = 1 + static_cast<std::size_t>(*rc::gen::inRange(0, 200));
  double const spread = *rc::gen::element(0.0, 0.1, 3.0, 20.0);
  random_row row{.logits = draw.list(keys, -spread - 1e-9, spread), .weights = {}, .first = draw.below(9)};
  if (*rc::gen::inRange(0, 3) == 0)
    for (std::size_t key = 1; key < keys; key += 1 + draw.below(3)) row.logits[key] = -support::infinity;
  row.weights = support::softmax(row.logits);
  return row;
}

std::size_t draw_count() { return static_cast<std::size_t>(*rc::gen::inRange(1, 30)); }

/// What a scorer should make of a row.
using formula = std::function<real(random_row const&)>;

real power_mean(random_row const& row, real p) {
  return std::pow(row.sum([&](real weight, std::size_t) { return std::pow(weight, p); }), 1 / p);
}

/// Makes a scorer with random parameters and says what it stands for. A part that is not here is held to its formula in
/// the test of its own.
template <class Score>
std::pair<Score, formula> draw_scorer() = delete;

template <>
std::pair<score::entropy, formula> draw_scorer() {
  score::entropy const part{.eps = *rc::gen::element(1e-30, 1e-12, 1e-6), .normalised = *rc::gen::arbitrary<bool>()};
  return {part, [part](random_row const& row) {
            auto const bits = row.sum([&](real p, std::size_t) { return (p + part.eps) * std::log2(p + part.eps); });
            auto const keys = static_cast<real>(row.weights.size());
            return !part.normalised ? bits : keys == 1 ? 0 : bits / std::log2(keys);
          }};
}
template <>
std::pair<score::l2, formula> draw_scorer() {
  return {{}, [](random_row const& row) { return power_mean(row, 2); }};
}
template <>
std::pair<score::lp, formula> draw_scorer() {
  score::lp const part{.p = *rc::gen::element(0.5, 1.0, 2.5, 10.0)};
  return {part, [part](random_row const& row) { return power_mean(row, part.p); }};
}
template <>
std::pair<score::max, formula> draw_scorer() {
  return {{}, [](random_row const& row) { return *std::ranges::max_element(row.weights); }};
}
template <>
std::pair<score::hoyer, formula> draw_scorer() {
  return {{}, [](random_row const& row) -> real {
            auto const root = std::sqrt(static_cast<real>(row.weights.size()));
            return root == 1 ? 1 : (root - power_mean(row, 1) / power_mean(row, 2)) / (root - 1);
          }};
}
template <>
std::pair<score::gini, formula> draw_scorer() {
  return {{}, [](random_row const& row) {
            auto const apart = row.sum(
                [&](real p, std::size_t) { return row.sum([&](real q, std::size_t) { return std::abs(p - q); }); });
            return apart / (2 * static_cast<real>(row.weights.size()) * power_mean(row, 1));
          }};
}
template <>
std::pair<score::top_mass, formula> draw_scorer() {
  score::top_mass const part{.n = draw_count()};
  return {part, [part](random_row row) {
            std::ranges::sort(row.weights, std::ranges::greater{});
            return row.sum([&](real p, std::size_t at) { return at - row.first < part.n ? p : 0; });
          }};
}
template <>
std::pair<score::sink_mass, formula> draw_scorer() {
  score::sink_mass const part{.n = draw_count()};
  return {part, [part](random_row const& row) {
            return row.sum([&](real p, std::size_t at) { return at < part.n ? p : 0; });
          }};
}
template <>
std::pair<score::recent_mass, formula> draw_scorer() {
  score::recent_mass const part{.n = draw_count()};
  return {part, [part](random_row const& row) {
            return row.sum([&](real p, std::size_t at) { return at + part.n > row.where().position ? p : 0; });
          }};
}
template <>
std::pair<score::distant_mass, formula> draw_scorer() {
  score::distant_mass const part{.sink = draw_count(), .recent = draw_count()};
  return {part, [part](random_row const& row) {
            return row.sum([&](real p, std::size_t at) {
              return at >= part.sink && at + part.recent <= row.where().position ? p : 0;
            });
          }};
}
template <>
std::pair<score::span_mass, formula> draw_scorer() {
  auto const begin = draw_count(), end = begin + draw_count();
  return {score::span_mass{token_positions{{0, 0}, {begin, end}}}, [begin, end](random_row const& row) {
            return row.sum([&](real p, std::size_t at) { return at == 0 || (at >= begin && at <= end) ? p : 0; });
          }};
}

}  // namespace

TEST_CASE_TEMPLATE_DEFINE("property: a row scorer is its formula, of doubles and of floats, and so is its accumulator",
                          Score, formulas) {
  if constexpr (requires { draw_scorer<Score>(); }) {
    support::check_property(200, [] {
      auto const row = draw_row();
      auto const [score, formula_of] = draw_scorer<Score>();
      auto const exact = static_cast<double>(formula_of(row));
      auto const where = row.where();
      // Measures that vanish for uniform rows, or for one key, are differences of numbers near 1.
      RC_ASSERT(support::distance(score_row(score, where, row.weights), exact, 1e-2) < 1e-12);
      RC_ASSERT(support::distance(score_row(score, where, support::as<float>(row.weights)), exact, 1e-2) < 1e-5);
      if constexpr (accumulated_scorer<Score>) {
        if constexpr (requires { score.eps; })
          if (score.eps > 1e-20) return;  // which accumulators leave out
        auto sum = score.start(where, row.logits.size());
        for (std::size_t key = 0; key < row.logits.size(); ++key) sum.add(key, row.logits[key]);
        RC_ASSERT(support::distance(sum.score(score), exact, 1e-2) < 1e-12);
      }
    });
  }
}
TEST_CASE_TEMPLATE_APPLY(formulas, types<registry::scorers>);
