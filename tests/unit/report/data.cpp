// What is computed for figures: policy_order.hpp, results.hpp, needle_cells.hpp, policy_cost.hpp,
// frontier.hpp.

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/report/frontier.hpp>
#include <headcount/report/needle_cells.hpp>
#include <headcount/report/policy_cost.hpp>
#include <headcount/report/policy_order.hpp>
#include <headcount/report/results.hpp>

#include <unit/reference/support/files.hpp>
#include "support/rows.hpp"

using namespace headcount;
using namespace headcount::report;
using evaluate::row;
using test::answered;

TEST_CASE("policy_order: a family is a sentence without its selector's numbers") {
  CHECK(family_of("entropy | top_k(5) @ generation") == "entropy | top_k @ generation");
  CHECK(family_of("random(seed=3) | fraction(0.5) | mean") == "random(seed=3) | fraction | mean");
  CHECK(family_of("fixed(a | b (c).json) | top_k(2)") == "fixed(a | b (c).json) | top_k");
  CHECK(family_of("l2 | fixed((1), 2) @ all, layers=2-3") == "l2 | fixed @ all, layers=2-3");
  CHECK(family_of("l2 | every_head") == "l2 | every_head");
  CHECK(family_of("none @ generation") == "none @ generation");
  CHECK(family_of("dense") == "dense");
  CHECK(family_of("entropy | top_k(") == "entropy | top_k");
  CHECK(family_of("") == "");
}

TEST_CASE("policy_order: dense, none, then by family, numbers by their value") {
  std::vector<std::string> policies{"entropy | top_k(3) @ generation",
                                    "l2 | top_k(1)",
                                    "entropy | top_k(10)",
                                    "none @ generation",
                                    "entropy | top_k(9)",
                                    "dense",
                                    "entropy | top_k(2)",
                                    "none"};
  std::ranges::sort(policies, policy_before);
  CHECK(policies == std::vector<std::string>{"dense", "none", "none @ generation", "entropy | top_k(2)",
                                             "entropy | top_k(9)", "entropy | top_k(10)",
                                             "entropy | top_k(3) @ generation", "l2 | top_k(1)"});
  CHECK(natural_less("a007", "a8"));
  CHECK_FALSE(natural_less("a8", "a8"));
  CHECK(natural_less("a", "a0"));
  CHECK(natural_less("a99999999999999999999998", "a99999999999999999999999"));
}

TEST_CASE("results: rows in any order and policies in any spelling give the same results") {
  std::vector<row> rows{answered("none@generation", "2", 0), answered("dense", "10", 1), answered("dense", "2", 0),
                        answered("none @ generation", "10", 0), answered("dense", "2", 1, "facts")};
  auto const check = [&] {
    auto const results = results_of("r.jsonl", rows, test::known_metrics);
    REQUIRE(results.size() == 3);
    CHECK(panel_title(results[0].of) == "facts: exact_match");
    CHECK(results[1].policy == "dense");
    CHECK(results[1].mean.value == 0.5);
    CHECK(results[1].rows[0]->prompt == "10");
    CHECK(results[2].policy == "none @ generation");
    CHECK(results[2].rows.size() == 2);
  };
  check();
  std::ranges::reverse(rows);
  check();
}

TEST_CASE("results: rows that would count a prompt twice, or give two models one name, are refused") {
  std::vector<row> const rows{answered("dense", "1", 1), answered("dense", "2", 1)};
  auto const fault = [&](row const& more) {
    auto all = rows;
    all.push_back(more);
    return test::message_of([&] { (void)results_of("r.jsonl", all, test::known_metrics); });
  };
  CHECK(test::contains(fault(answered("dense ", "2", 0)), "r.jsonl: two rows of tiny, \"dense"));
  auto other = answered("dense", "3", 1);
  other.model_identity = "1e";
  CHECK(
      test::contains(fault(other), "the model \"tiny\" stands for two: in some rows it has identity 0f, in others 1e"));
  CHECK(
      test::contains(test::message_of([] { (void)results_of("r.jsonl", {}, test::known_metrics); }), "it has no row"));
  auto renamed = answered("dense", "3", 1);
  renamed.model = "a link to it";
  auto const all = std::vector{rows[0], rows[1], renamed};
  auto const results = results_of("r.jsonl", all, test::known_metrics);
  REQUIRE(results.size() == 1);
  CHECK(results[0].rows.size() == 3);
  CHECK(results[0].of.model == "a link to it");
  auto another = answered("dense", "2", 0);
  another.factors["needle"] = "another";
  CHECK(fault(another).empty());
}

TEST_CASE("needle_cells: means by length and tenths of the realised depth") {
  std::vector<row> rows;
  auto const add = [&](double length, double depth, double value) {
    auto one = answered("dense", std::to_string(rows.size()), value);
    one.more = {{"length", length}, {"depth", 50}, {"realised_depth", depth}};
    rows.push_back(one);
  };
  add(250, 0, 1);
  add(250, 9.99, 0);
  add(250, 10, 1);
  add(250, 100 * (1 - 0.9) * 3, 0);  // 30 but for rounding
  add(250, 100, 1);
  add(250, 95, 1);
  add(677, 0, 0);
  rows.push_back(answered("dense", "no needle", 1));
  rows.push_back(rows[0]);
  rows.back().prompt = "out of range";
  rows.back().more["realised_depth"] = 101;
  auto const results = results_of("r.jsonl", rows, test::known_metrics);
  auto const cells = needle_cells(results.front());
  REQUIRE(cells.size() == 5);
  struct expected {
    double length;
    std::size_t band;
    double value;
    std::size_t rows;
  };
  expected const wanted[]{{250, 0, 0.5, 2}, {250, 1, 1, 1}, {250, 3, 0, 1}, {250, 9, 1, 2}, {677, 0, 0, 1}};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    CAPTURE(i);
    CHECK(cells[i].length == wanted[i].length);
    CHECK(cells[i].band == wanted[i].band);
    CHECK(cells[i].mean.value == wanted[i].value);
    CHECK(cells[i].mean.rows == wanted[i].rows);
  }
}

TEST_CASE("policy_cost: heads kept in the whole model, where the policy acts") {
  auto const config = test::small_config();  // 2 of 3 layers attend, 4 heads each
  auto const kept = [&](std::string const& policy) {
    auto const cost = cost_of_policy(policy, config, 16);
    REQUIRE(cost.has_value());
    REQUIRE(cost->heads.has_value());
    CHECK(cost->heads->of == 8);
    return cost->heads->kept;
  };
  CHECK(kept("dense") == 8);
  CHECK(kept("none @ generation") == 0);
  CHECK(kept("none @ prefill") == 0);
  CHECK(kept("entropy | top_k(3) @ generation") == 6);
  CHECK(kept("entropy | top_k(1) @ all, layers=0") == 5);
  CHECK_FALSE(cost_of_policy("entropy | threshold(0.5)", config, 16)->heads.has_value());
  CHECK_FALSE(cost_of_policy("fixed(/nowhere.json) | top_k(1)", config, 16).has_value());
  CHECK(test::contains(test::message_of([&] { (void)cost_of_policy("entropy | top_k(5)", config, 16); }), "4 heads"));
  auto const cost = cost_of_policy("none @ generation", config, 16);
  CHECK(cost->pass.sum(&evaluate::block_cost::flops) < cost->full.sum(&evaluate::block_cost::flops));
}

TEST_CASE("policy_cost: what rows say of heads kept comes first") {
  std::vector<row> rows{answered("entropy | threshold(0.5)", "1", 1), answered("entropy | threshold(0.5)", "2", 1)};
  known_models const models{{"tiny", test::small_config()}};
  CHECK_FALSE(heads_of(results_of("r", rows, test::known_metrics).front(), models).has_value());
  rows[0].more = {{"heads_kept", 2.5}, {"heads", 8}};
  CHECK_FALSE(heads_of(results_of("r", rows, test::known_metrics).front(), models).has_value());
  rows[1].more = {{"heads_kept", 3.5}, {"heads", 8}};
  auto const results = results_of("r", rows, test::known_metrics);
  auto const heads = heads_of(results.front(), {});
  REQUIRE(heads.has_value());
  CHECK(heads->kept == 3);
  CHECK(heads->value() == 0.375);
}

TEST_CASE("frontier: what no other trade beats") {
  std::vector<trade> const trades{{1, 0.2}, {2, 0.5}, {2, 0.4}, {3, 0.5}, {4, 0.9}, {4, 0.9}, {0.5, 0.1}};
  CHECK(frontier_of(trades) == std::vector<bool>{true, true, false, false, true, true, true});
  CHECK(frontier_of({}).empty());
}
