// run/pairing.hpp, verdict.hpp, canonical.hpp and metric.hpp.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/pairing.hpp>
#include <headcount/result/verdict.hpp>
#include <headcount/task/metric.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount::evaluate;

namespace {

row answer(std::string policy, std::string prompt, double value) {
  return {.model = "tiny",
          .model_identity = "0f",
          .policy = std::move(policy),
          .task = "needle",
          .metric = "exact_match",
          .prompt = std::move(prompt),
          .value = value};
}

std::vector<row> const answers{answer("dense", "1", 1), answer("none @ generation", "2", 0), answer("dense", "2", 0.5),
                               answer("none @ generation", "1", 0.25)};

std::string fault(std::vector<row> const& rows, std::string const& a = "dense",
                  std::string const& b = "none @ generation", std::string const& task = "") {
  return test::message_of([&] { (void)pair_rows("r.jsonl", rows, a, b, task); });
}

}  // namespace

TEST_CASE("pairing: rows meet by prompt, however the policies are spelled and the rows are ordered") {
  auto rows = answers;
  rows[1].policy = "none  @generation";
  rows.push_back(answer("none", "1", 9));
  auto const paired = pair_rows("r.jsonl", rows, " dense", "none @  generation");
  REQUIRE(paired.size() == 1);
  CHECK(paired[0].model == "tiny");
  CHECK(paired[0].metric == "exact_match");
  CHECK(paired[0].prompts == std::vector<std::string>{"1", "2"});
  CHECK(paired[0].a == std::vector{1.0, 0.5});
  CHECK(paired[0].b == std::vector{0.25, 0.0});
  CHECK(paired[0].only_a + paired[0].only_b == 0);
}

TEST_CASE("pairing: seed, length and depth make another pair of the same prompt, and its cluster") {
  auto rows = answers;
  for (auto one : answers) {
    one.seed = 2;
    rows.push_back(one);
    one.more["length"] = 100;
    rows.push_back(one);
    one.more["depth"] = 0.5;
    rows.push_back(one);
  }
  auto const paired = pair_rows("r.jsonl", rows, "dense", "none @ generation");
  REQUIRE(paired.size() == 1);
  CHECK(paired[0].a.size() == 8);
  CHECK(compare(paired[0]).clusters == 2);
}

TEST_CASE("pairing: what makes another comparison") {
  for (auto const change : {+[](row& one) { one.model = "other"; }, +[](row& one) { one.task += "x"; },
                            +[](row& one) { one.setting += "x"; }, +[](row& one) { one.metric += "x"; }}) {
    auto rows = answers;
    for (auto one : answers) {
      change(one);
      rows.push_back(one);
    }
    CHECK(pair_rows("r.jsonl", rows, "dense", "none @ generation").size() == 2);
  }
  auto rows = answers;
  rows.push_back(rows.back());
  rows.back().task = "facts";
  CHECK(pair_rows("r.jsonl", rows, "dense", "none @ generation", "needle").size() == 1);
}

TEST_CASE("pairing: rows without a pair are counted and left out") {
  auto rows = answers;
  rows.push_back(answer("dense", "3", 1));
  rows.push_back(answer("dense", "4", 1));
  rows.push_back(answer("none @ generation", "5", 1));
  auto const paired = pair_rows("r.jsonl", rows, "dense", "none @ generation");
  CHECK(paired[0].a.size() == 2);
  CHECK(paired[0].only_a == 2);
  CHECK(paired[0].only_b == 1);
}

TEST_CASE("pairing: values that are not finite are counted, and who has them is not called better") {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  // 20 texts of which policy a has the lower perplexity, and on one more it is infinite.
  auto const judged = [&](double of_a, double of_b) {
    std::vector<row> rows;
    for (int i = 0; i < 21; ++i) {
      rows.push_back(answer("dense", std::to_string(i), i < 20 ? 2 : of_a));
      rows.push_back(answer("none", std::to_string(i), i < 20 ? 3 : of_b));
    }
    for (auto& one : rows) one.metric = "perplexity";
    return judge(pair_rows("r.jsonl", rows, "dense", "none"))[0];
  };
  auto const sure = judged(2, infinity);
  CHECK(sure.values.not_finite_pairs == 1);
  CHECK(sure.values.not_finite_a == 0);
  CHECK(sure.values.not_finite_b == 1);
  CHECK(sure.found.pairs == 20);
  CHECK(sure.found.difference == doctest::Approx(-1));
  CHECK(sure.a_leads());
  CHECK(sure.is_sure());
  for (auto const of_a : {infinity, std::nan("")}) {
    auto const doubtful = judged(of_a, infinity);
    CHECK(doubtful.values.not_finite_pairs == 1);
    CHECK(doubtful.values.not_finite_a == 1);
    CHECK(doubtful.found.p == sure.found.p);
    CHECK_FALSE(doubtful.is_sure());
  }

  auto const all =
      pair_rows("r.jsonl", std::vector{answer("dense", "1", infinity), answer("none", "1", 1)}, "dense", "none");
  REQUIRE(all.size() == 1);
  auto const found = judge(all)[0];
  CHECK(found.found.pairs == 0);
  CHECK(found.found.p == 1);
  CHECK(std::isnan(found.found.difference));
  CHECK_FALSE(found.is_sure());
}

TEST_CASE("pairing: what cannot be compared is named") {
  CHECK(test::contains(fault(answers, "dense", "dense @ all"), "they are the same"));
  CHECK(test::contains(fault(answers, "dense", "none"), "r.jsonl: it has no row of \"none\""));
  CHECK(test::contains(fault(answers, "dense", "non"), "policy sentence"));
  CHECK(test::contains(fault(answers, "dense", "none @ generation", "facts"), "for task facts"));
  auto rows = answers;
  rows.push_back(rows.front());
  CHECK(test::contains(fault(rows), "two rows of tiny, \"dense\", needle, exact_match, prompt \"1\", seed 0"));
  rows = answers;
  rows[2].version = "0.0.9";
  CHECK(test::contains(fault(rows), "0.0.9"));
  rows = answers;
  rows[2].model_identity = "1e";
  CHECK(test::contains(fault(rows), "it mixes weights of tiny: fingerprints 0f and 1e"));
  rows = {answers[0], answers[1]};
  CHECK(test::contains(fault(rows), "on the same prompt"));
}

TEST_CASE("pairing: a policy whose sentence cannot be read here is still the same as itself") {
  auto rows = answers;
  for (auto& one : rows)
    if (one.policy == "dense") one.policy = "a_scorer_of_mine | top_k(1)";
  CHECK(pair_rows("r.jsonl", rows, "a_scorer_of_mine | top_k(1)", "none @ generation").size() == 1);
}

TEST_CASE("metric: losses are better when lower") {
  CHECK(is_better_when_lower("perplexity"));
  CHECK(is_better_when_lower("kl"));
  CHECK_FALSE(is_better_when_lower("exact_match"));
  CHECK_FALSE(is_better_when_lower("acc_norm"));
}
