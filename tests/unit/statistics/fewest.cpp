// statistics/fewest.hpp.

#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/statistics/fewest.hpp>
#include <headcount/statistics/paired.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

clusters each_alone(std::size_t prompts) {
  clusters each;
  for (std::size_t i = 0; i < prompts; ++i) each.push_back({i});
  return each;
}

/// `right` of `n` prompts are right, the first ones.
std::vector<double> first_right(std::size_t right, std::size_t n) {
  std::vector<double> values(n, 0.0);
  for (std::size_t i = 0; i < right; ++i) values[i] = 1;
  return values;
}

}  // namespace

TEST_CASE("fewest_for: the first budget that reaches the part of dense, and all heads where none does") {
  auto const dense = first_right(20, 20);
  std::vector<budget_values> const budgets{{1, {first_right(5, 20)}}, {2, {first_right(18, 20)}}, {5, {dense}}};
  CHECK(fewest_for(0.9, dense, budgets, 8, each_alone(20), random_stream{1}).heads == 2);
  CHECK(fewest_for(0.95, dense, budgets, 8, each_alone(20), random_stream{1}).heads == 5);
  CHECK(fewest_for(0.9, dense, std::span{budgets}.first(1), 8, each_alone(20), random_stream{1}).heads == 8);
  CHECK(fewest_for(0.9, dense, {}, 8, each_alone(20), random_stream{1}).heads == 8);
  // Of what dense finds, not of all.
  CHECK(fewest_for(0.9, first_right(5, 20), budgets, 8, each_alone(20), random_stream{1}).heads == 1);
}

TEST_CASE("fewest_for: without draws it is the bootstrap of the same figure over prompts") {
  auto const dense = first_right(38, 40);
  std::vector<budget_values> const budgets{{1, {first_right(30, 40)}}, {2, {first_right(35, 40)}}, {3, {dense}}};
  auto const found = fewest_for(0.9, dense, budgets, 10, each_alone(40), random_stream{7});
  auto const figure = [&](std::span<std::size_t const> indices) {
    auto const sum = [&](std::vector<double> const& values) {
      double total = 0;
      for (auto const i : indices) total += values[i];
      return total;
    };
    for (auto const& [heads, values] : budgets)
      if (sum(values[0]) >= 0.9 * sum(dense)) return static_cast<double>(heads);
    return 10.0;
  };
  auto const expected = bootstrap(40, figure, random_stream{7});
  CHECK(found.ci95.low == expected.low);
  CHECK(found.ci95.high == expected.high);
  CHECK(expected.low < expected.high);
}

TEST_CASE("fewest_for: draws that differ widen the interval, and a mean over them decides") {
  auto const dense = first_right(30, 30);
  // With two heads, one draw finds all and the other 0.7: 0.85 on average, and enough if the first is drawn twice.
  std::vector<budget_values> const budgets{{2, {dense, first_right(21, 30)}}, {3, {dense, dense}}};
  auto const found = fewest_for(0.9, dense, budgets, 10, each_alone(30), random_stream{1});
  CHECK(found.heads == 3);
  CHECK(found.ci95.low == 2);
  CHECK(found.ci95.high == 3);
}

TEST_CASE("fewest_for: prompts of a cluster come together") {
  // Two clusters; without the second, one head is enough, without the first none is.
  clusters const groups{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {10, 11, 12, 13, 14, 15, 16, 17, 18, 19}};
  std::vector<budget_values> const budgets{{1, {first_right(10, 20)}}};
  auto const dense = first_right(20, 20);
  auto const found = fewest_for(0.9, dense, budgets, 4, groups, random_stream{1});
  CHECK(found.heads == 4);
  CHECK(found.ci95.low == 1);
  CHECK(fewest_for(0.9, dense, budgets, 4, each_alone(20), random_stream{1}).ci95.low == 4);
}

TEST_CASE("fewest_for: refuses what cannot be compared") {
  std::vector<double> const dense(4, 1.0);
  auto const of = [&](std::vector<budget_values> const& budgets, clusters const& groups) {
    return fewest_for(0.9, dense, budgets, 4, groups, random_stream{1});
  };
  CHECK_THROWS_AS((void)of({{2, {dense}}, {2, {dense}}}, each_alone(4)), error);
  CHECK_THROWS_AS((void)of({{1, {{1.0}}}}, each_alone(4)), error);
  CHECK_THROWS_AS((void)of({{1, {dense}}, {2, {dense, dense}}}, each_alone(4)), error);
  CHECK_THROWS_AS((void)of({{1, {}}}, each_alone(4)), error);
  CHECK_THROWS_AS((void)of({}, {}), error);
}
