// result/total.hpp and result/clusterings.hpp

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/total.hpp>

#include <unit/report/support/rows.hpp>

using namespace headcount::evaluate;
using test::answered;

namespace {

std::vector<row const*> pointers(std::vector<row> const& rows) {
  std::vector<row const*> all;
  for (auto const& one : rows) all.push_back(&one);
  return all;
}

estimate total_of(std::vector<row> const& rows, char const* metric = "exact_match") {
  return estimate_of(pointers(rows), find_metric(test::known_metrics({}), metric));
}

double width(estimate const& of) { return of.ci95->high - of.ci95->low; }

/// 120 prompts about six needles, of which four are found, always.
std::vector<row> six_needles(bool name_them) {
  std::vector<row> rows;
  for (int prompt = 0; prompt < 120; ++prompt) {
    auto const needle = prompt % 6;
    rows.push_back(answered("dense", std::to_string(prompt), needle < 4 ? 1 : 0));
    if (name_them) rows.back().factors["needle"] = std::to_string(needle);
  }
  return rows;
}

}  // namespace

TEST_CASE("total: right and wrong answers get Wilson's interval") {
  auto const found = total_of(
      {answered("dense", "1", 1), answered("dense", "2", 1), answered("dense", "3", 0), answered("dense", "4", 1)});
  CHECK(found.value == 0.75);
  CHECK(found.rows == 4);
  CHECK(found.prompts == 4);
  CHECK(found.clusters == 4);
  // (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), z = 1.959964.
  REQUIRE(found.ci95.has_value());
  CHECK(found.ci95->low == doctest::Approx(0.300642).epsilon(1e-5));
  CHECK(found.ci95->high == doctest::Approx(0.954413).epsilon(1e-5));
}

TEST_CASE("total: which interval fits is the metric's to say, not the values'") {
  std::vector<row> zeros;
  for (int i = 0; i < 20; ++i) zeros.push_back(answered("none", std::to_string(i), 0));
  CHECK(total_of(zeros).ci95->high == doctest::Approx(0.161125).epsilon(1e-5));  // a share: Wilson's of 0 of 20
  CHECK(total_of(zeros, "score").ci95->high == 0);                               // a score of 0 to 5
  auto other = zeros;
  other.front().value = 0.5;
  CHECK(width(total_of(other, "score")) > width(total_of(zeros, "score")));
  // Student's, cut at 0: 0.025 + t(19) 0.5 / sqrt(20) / sqrt(20).
  CHECK(total_of(other, "score").ci95->low == 0);
  CHECK(total_of(other, "score").ci95->high == doctest::Approx(0.025 + 2.093024 * 0.025).epsilon(1e-6));
}

TEST_CASE("total: rows of one prompt are a cluster, and a single one has no interval") {
  auto const two = total_of({answered("dense", "1", 0), answered("dense", "1", 0), answered("dense", "2", 1)});
  CHECK(two.value == doctest::Approx(1.0 / 3));
  CHECK(two.prompts == 2);
  REQUIRE(two.ci95.has_value());
  CHECK(two.ci95->low < 0.05);
  CHECK(two.ci95->high > 0.95);
  auto const one = total_of({answered("dense", "1", 0), answered("dense", "1", 1)});
  CHECK(one.value == 0.5);
  CHECK_FALSE(one.ci95.has_value());
  auto const score = total_of({answered("dense", "1", 2.5), answered("dense", "2", 2.5)}, "score");
  CHECK(score.ci95->low == 2.5);
  CHECK(score.ci95->high == 2.5);
}

TEST_CASE("total: prompts that share a needle count as one, if rows say so") {
  auto const naive = total_of(six_needles(false));
  auto const clustered = total_of(six_needles(true));
  CHECK(naive.clusters == 120);
  CHECK(width(naive) < 0.175);
  CHECK(clustered.prompts == 120);
  CHECK(clustered.clusters == 6);
  CHECK(width(clustered) > 0.55);
  CHECK(clustered.value == naive.value);
}

TEST_CASE(
    "clusterings: of several factors the one with the widest interval counts, and one without another value none") {
  auto rows = six_needles(true);
  for (int prompt = 0; prompt < 120; ++prompt) {
    rows[static_cast<std::size_t>(prompt)].factors["haystack"] = std::to_string(prompt / 4);
    rows[static_cast<std::size_t>(prompt)].factors["subject"] = "the only one";
  }
  auto const found = total_of(rows);
  CHECK(found.clusters == 6);
  CHECK(width(found) == width(total_of(six_needles(true))));
  CHECK(clusterings_of(pointers(rows)).size() == 3);
  CHECK(clusterings_of(pointers(rows)).front().size() == 120);
}

TEST_CASE("total: a perplexity is that of all texts together, its interval over texts") {
  std::vector<row> rows;
  for (int text = 0; text < 8; ++text) {
    rows.push_back(answered("dense", std::to_string(text), 0));
    auto const tokens = 10 + 30 * (text % 2);
    auto const nats = -tokens * (1.0 + 0.1 * text);
    rows.back().value = std::exp(-nats / tokens);
    rows.back().more = {{"loglik", nats}, {"tokens", tokens}};
  }
  double nats = 0;
  double tokens = 0;
  for (auto const& one : rows) nats += one.more["loglik"].get<double>(), tokens += one.more["tokens"].get<double>();
  auto const found = total_of(rows, "perplexity");
  CHECK(found.value == doctest::Approx(std::exp(-nats / tokens)).epsilon(1e-12));
  CHECK(found.ci95->low < found.value);
  CHECK(found.ci95->high > found.value);
  CHECK(found.ci95->low >= 1);
}

TEST_CASE("total: values that are not finite are counted and left out") {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  auto const some = total_of({answered("dense", "1", 1), answered("dense", "2", infinity), answered("dense", "3", 0),
                              answered("dense", "4", std::nan(""))});
  CHECK(some.value == 0.5);
  CHECK(some.rows == 4);
  CHECK(some.prompts == 2);
  CHECK(some.not_finite == 2);
  auto const nothing = total_of({answered("dense", "1", -infinity)});
  CHECK(std::isnan(nothing.value));
  CHECK(nothing.not_finite == 1);
  CHECK_FALSE(nothing.ci95.has_value());
}
