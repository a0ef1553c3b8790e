// result/pairing.hpp, labels.hpp, verdict.hpp and canonical.hpp.

#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/pairing.hpp>
#include <headcount/result/verdict.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount::evaluate;

namespace {

/// What tasks of these tests measure: a share, and every loss that a task has.
std::span<metric const> known(std::string_view) {
  static constexpr std::array list{
      metric{.name = "exact_match", .unit = "share", .better = direction::higher, .values = right_or_wrong},
      metric{.name = "score", .unit = "points", .better = direction::higher, .values = between(0, 5)},
      metric{.name = "kl", .unit = "nats", .better = direction::lower, .values = at_least(0)},
      metric{.name = "perplexity",
             .unit = "per token",
             .better = direction::lower,
             .values = at_least(1),
             .total = perplexity_per("tokens")}};
  return list;
}

row answered(std::string policy, std::string prompt, double value) {
  return {.model = "tiny",
          .model_identity = "0f",
          .policy = std::move(policy),
          .task = "needle",
          .metric = "exact_match",
          .prompt = std::move(prompt),
          .value = value};
}

std::vector<row> const answers{answered("dense", "1", 1), answered("none @ generation", "2", 0),
                               answered("dense", "2", 0.5), answered("none @ generation", "1", 0.25)};

std::string fault(std::vector<row> const& rows, std::string const& a = "dense",
                  std::string const& b = "none @ generation", std::string const& task = "") {
  return test::message_of([&] { (void)pair_rows("r.jsonl", rows, a, b, known, task); });
}

}  // namespace

TEST_CASE("pairing: rows meet by prompt, however the policies are spelled and the rows are ordered") {
  auto rows = answers;
  rows[1].policy = "none  @generation";
  rows.push_back(answered("none", "1", 9));
  auto const paired = pair_rows("r.jsonl", rows, " dense", "none @  generation", known);
  REQUIRE(paired.size() == 1);
  CHECK(paired[0].model == "tiny");
  CHECK(paired[0].metric == "exact_match");
  CHECK(paired[0].prompts == 2);
  CHECK(paired[0].of.better == direction::higher);
  auto const found = compare(paired[0]);
  CHECK(found.mean_a == 0.75);
  CHECK(found.mean_b == 0.125);
  CHECK(paired[0].only_a + paired[0].only_b == 0);
}

TEST_CASE("pairing: seed and factors make another pair of the same prompt, and its cluster") {
  auto rows = answers;
  for (auto one : answers) {
    one.seed = 2;
    rows.push_back(one);
    one.factors["needle"] = "other";
    rows.push_back(one);
  }
  auto const paired = pair_rows("r.jsonl", rows, "dense", "none @ generation", known);
  REQUIRE(paired.size() == 1);
  CHECK(paired[0].sample.a.size() == 6);
  CHECK(paired[0].prompts == 2);
  CHECK(compare(paired[0]).clusters == 2);
}

TEST_CASE("pairing: one label of two identities is refused, whichever rows have it") {
  auto const refused = [](row other, std::string const& what, std::string const& one, std::string const& two) {
    auto rows = answers;
    rows[0].task_identity = rows[1].task_identity = rows[2].task_identity = rows[3].task_identity = "aa";
    if (other.task_identity.empty()) other.task_identity = "aa";
    rows.push_back(std::move(other));
    CHECK(fault(rows) == "r.jsonl: the " + what + " stands for two: in some rows it has identity " + one +
                             ", in others " + two +
                             " (allowed: rows of one of the two, or a name of its own for each)");
  };
  auto one = answered("dense", "3", 1);
  one.model_identity = "1e";
  refused(one, "model \"tiny\"", "0f", "1e");
  one = answered("none @ generation", "3", 1);
  one.policy_identity = "another";  // as of a ranking that was made again: what its sentence alone is, is said, too
  refused(one, "policy \"none @ generation\"", "none @ generation", "another");
  one = answered("dense", "3", 1);
  one.task_identity = "bb";
  refused(one, "task needle of model 0f", "aa", "bb");
  // Another task of that name is what another model was asked, or what is called otherwise.
  auto rows = answers;
  one.setting = "data=d.jsonl";
  rows.push_back(one);
  CHECK(fault(rows).empty());
  rows.back().setting.clear();
  rows.back().model = "other";
  rows.back().model_identity = "1e";
  CHECK(fault(rows).empty());
}

TEST_CASE("pairing: what has one identity is one, whatever rows call it") {
  auto rows = answers;
  for (auto& one : rows) {
    one.policy_identity = one.policy == "dense" ? "d1" : "d2";
    one.task_identity = "aa";
    if (one.prompt != "2") continue;
    one.model = "a link to it";
    if (one.policy_identity == "d2") one.policy = "fixed(R.json) | top_k(1)";
    if (one.policy_identity == "d1") one.setting = "data=d.jsonl";
  }
  auto const paired = pair_rows("r.jsonl", rows, "dense", "none @ generation", known);
  REQUIRE(paired.size() == 1);
  CHECK(paired[0].prompts == 2);
  CHECK(paired[0].model == "a link to it");  // the first in the alphabet
  CHECK(test::contains(fault(rows, "none @ generation", "fixed(R.json) | top_k(1)"), "they are the same"));
}

TEST_CASE("pairing: prompts of one needle are a cluster, of the comparison and of its test") {
  std::vector<row> rows;
  for (int prompt = 0; prompt < 120; ++prompt)
    for (auto const* policy : {"dense", "none"}) {
      bool const found = policy == std::string{"dense"} && prompt % 6 < 4;
      rows.push_back(answered(policy, std::to_string(prompt), found ? 1 : 0));
      rows.back().factors["needle"] = std::to_string(prompt % 6);
    }
  auto const clustered = judge(pair_rows("r.jsonl", rows, "dense", "none", known))[0];
  CHECK(clustered.values.prompts == 120);
  CHECK(clustered.found.clusters == 6);
  // All four needles that differ are won: 2 / 2^4 of the ways to swap are as far.
  CHECK(clustered.found.p == doctest::Approx(0.125));
  CHECK(clustered.found.test == "exact paired permutation test");
  CHECK_FALSE(clustered.is_sure());
  CHECK(clustered.found.range.high - clustered.found.range.low > 0.55);
  for (auto& one : rows) one.factors.clear();
  auto const naive = judge(pair_rows("r.jsonl", rows, "dense", "none", known))[0];
  CHECK(naive.found.clusters == 120);
  CHECK(naive.found.test == "exact McNemar test");
  CHECK(naive.is_sure());
}

TEST_CASE("pairing: perplexities are those of all texts together, and lower is better") {
  std::vector<row> rows;
  for (int text = 0; text < 20; ++text)
    for (auto const* policy : {"dense", "none"}) {
      auto const tokens = 10 + 20 * (text % 3);
      auto const nats = -tokens * ((policy == std::string{"dense"} ? 1.0 : 1.2) + 0.02 * text);
      rows.push_back(answered(policy, std::to_string(text), std::exp(-nats / tokens)));
      rows.back().metric = "perplexity";
      rows.back().more = {{"loglik", nats}, {"tokens", tokens}};
    }
  double nats = 0;
  double tokens = 0;
  for (auto const& one : rows) {
    if (one.policy != "dense") continue;
    nats += one.more["loglik"].get<double>();
    tokens += one.more["tokens"].get<double>();
  }
  auto const found = judge(pair_rows("r.jsonl", rows, "dense", "none", known))[0];
  CHECK(found.found.mean_a == doctest::Approx(std::exp(-nats / tokens)).epsilon(1e-12));
  CHECK(found.found.mean_b == doctest::Approx(std::exp(-nats / tokens + 0.2)).epsilon(1e-12));
  CHECK(found.found.range.high < 0);
  CHECK(found.a_leads());
  CHECK(found.is_sure());
}

TEST_CASE("pairing: what makes another comparison") {
  for (auto const change :
       {+[](row& one) { one.model = one.model_identity = "other"; }, +[](row& one) { one.task += "x"; },
        +[](row& one) { one.setting += "x"; }, +[](row& one) { one.metric += "x"; }}) {
    auto rows = answers;
    for (auto one : answers) {
      change(one);
      rows.push_back(one);
    }
    CHECK(pair_rows("r.jsonl", rows, "dense", "none @ generation", known).size() == 2);
  }
  auto rows = answers;
  rows.push_back(rows.back());
  rows.back().task = "facts";
  CHECK(pair_rows("r.jsonl", rows, "dense", "none @ generation", known, "needle").size() == 1);
}

TEST_CASE("pairing: rows without a pair are counted and left out") {
  auto rows = answers;
  rows.push_back(answered("dense", "3", 1));
  rows.push_back(answered("dense", "4", 1));
  rows.push_back(answered("none @ generation", "5", 1));
  auto const paired = pair_rows("r.jsonl", rows, "dense", "none @ generation", known);
  CHECK(paired[0].sample.a.size() == 2);
  CHECK(paired[0].only_a == 2);
  CHECK(paired[0].only_b == 1);
}

TEST_CASE("pairing: values that are not finite are counted, and who has them is not called better") {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  // Rows without log-likelihoods, so that means are compared: 20 texts of which policy a has the lower perplexity, and
  // on one more it is infinite.
  auto const judged = [&](double of_a, double of_b) {
    std::vector<row> rows;
    for (int i = 0; i < 21; ++i) {
      rows.push_back(answered("dense", std::to_string(i), i < 20 ? 2 : of_a));
      rows.push_back(answered("none", std::to_string(i), i < 20 ? 3 : of_b));
    }
    for (auto& one : rows) one.metric = "perplexity";
    return judge(pair_rows("r.jsonl", rows, "dense", "none", known))[0];
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

  // Nor not worse, however far it is ahead on the others; of a loss the lower one is.
  auto const within = [&](double of_a, double of_b) { return judge({judged(of_a, of_b).values}, 0, 0.5)[0]; };
  CHECK(within(2, infinity).a_is_not_worse());
  CHECK_FALSE(within(2, infinity).b_is_not_worse());
  CHECK(within(2, infinity).within->p_b > 0.99);
  CHECK_FALSE(within(infinity, infinity).a_is_not_worse());

  auto const all = pair_rows("r.jsonl", std::vector{answered("dense", "1", infinity), answered("none", "1", 1)},
                             "dense", "none", known);
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
  rows = {answers[0], answers[1]};
  CHECK(test::contains(fault(rows), "on the same prompt"));
}

TEST_CASE("pairing: a policy whose sentence cannot be read here is still the same as itself") {
  auto rows = answers;
  for (auto& one : rows)
    if (one.policy == "dense") one.policy = "a_scorer_of_mine | top_k(1)";
  CHECK(pair_rows("r.jsonl", rows, "a_scorer_of_mine | top_k(1)", "none @ generation", known).size() == 1);
}

TEST_CASE("verdict: the metric says who is better, and of one that nobody knows nobody is") {
  auto const judged = [](char const* metric) {
    std::vector<row> rows;
    for (int i = 0; i < 20; ++i)
      for (auto const* policy : {"dense", "none"}) {
        rows.push_back(answered(policy, std::to_string(i), policy == std::string{"dense"} ? 1 : 0));
        rows.back().metric = metric;
      }
    return judge(pair_rows("r.jsonl", rows, "dense", "none", known))[0];
  };
  for (auto const& one : known({})) {
    CAPTURE(one.name);
    CHECK(judged(std::string{one.name}.c_str()).a_leads() == (one.better == direction::higher));
    CHECK(judged(std::string{one.name}.c_str()).has_direction());
  }
  auto const unknown = judged("found");
  CHECK_FALSE(unknown.has_direction());
  CHECK(unknown.is_sure());
  CHECK(unknown.a_leads());
}
