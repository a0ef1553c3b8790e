#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/strided_view.hpp>
#include <headcount/score/l2.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/rows.hpp>

using namespace headcount;
using support::distance;

namespace {

double accumulated(std::vector<double> const& logits) {
  score::l2::accumulator sum;
  for (std::size_t key = 0; key < logits.size(); ++key) sum.add(key, logits[key]);
  return sum.score(score::l2{});
}

}  // namespace

TEST_CASE("l2: a one-hot row scores 1 and a uniform row 1 / sqrt(keys)") {
  CHECK(score::l2{}(std::vector{0.f, 0.f, 1.f, 0.f}) == 1);
  for (std::size_t const keys : {1u, 4u, 9u, 4096u}) {
    std::vector<double> const row(keys, 1 / static_cast<double>(keys));
    CHECK(distance(score::l2{}(row), 1 / std::sqrt(static_cast<double>(keys))) < 1e-13);
  }
}

TEST_CASE("l2: weights 0.6 and 0.8 are the legs of a triangle with hypotenuse 1") {
  CHECK(distance(score::l2{}(std::vector{0.6, 0.0, 0.8}), 1) < 1e-15);
  CHECK(distance(score::l2{}(std::vector{0.3, 0.4}), 0.5) < 1e-15);
}

TEST_CASE("l2: agrees with repeated hypot in extended precision, whatever the row") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    CHECK(distance(score::l2{}(weights), support::norm(weights)) < 1e-12);
    auto const floats = support::as<float>(weights);
    CHECK(distance(score::l2{}(floats), support::norm(floats)) < 1e-12);
  }
}

TEST_CASE("l2: an empty row scores 0, as a row and accumulated") {
  CHECK(score::l2{}(std::span<float const>{}) == 0);
  CHECK(score::l2::accumulator{}.score(score::l2{}) == 0);
}

TEST_CASE("l2: an accumulator of sums that a kernel made goes by the formula") {
  // Weights 1/2, 1/4, 1/4: e^(s - m) is 1, 1/2, 1/2.
  score::l2::accumulator const sum{{3, 2}, 1.5};
  CHECK(distance(sum.score(score::l2{}), std::sqrt(0.375)) < 1e-15);
}

TEST_CASE("l2: elements side by side, a stride apart, in a vector or in doubles score alike") {
  auto const weights = support::as<float>(support::softmax(support::numbers{1}.list(50, -3, 3)));
  std::vector<float> spread(2 * weights.size(), -1.0f);
  for (std::size_t key = 0; key < weights.size(); ++key) spread[2 * key] = weights[key];
  auto const expected = score::l2{}(weights);
  CHECK(score::l2{}(std::span{weights}) == expected);
  CHECK(score::l2{}(strided_view<float const, 1>{spread.data(), {weights.size()}, {2}}) == expected);
  CHECK(score::l2{}(support::as<double>(weights)) == expected);
}

TEST_CASE("l2: accumulated logits score as the row they make, in any order, shifted by any number") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    CHECK(distance(accumulated(row.logits), support::norm(weights)) < 1e-12);
    CHECK(distance(accumulated(row.logits), score::l2{}(support::as<float>(weights))) < 1e-5);
    auto logits = row.logits;
    std::ranges::sort(logits);
    for (auto& logit : logits) logit -= 512;
    CHECK(distance(accumulated(logits), support::norm(weights)) < 1e-11);
  }
}

TEST_CASE("l2: masked logits are as if they were not there") {
  CHECK(accumulated({-support::infinity, 1, -support::infinity, 2}) == accumulated({1, 2}));
  CHECK(accumulated({-support::infinity, -support::infinity}) == 0);
}

TEST_CASE("l2: weights too small for a float's square still count") {
  CHECK(distance(score::l2{}(std::vector<float>(100, 1e-30f)), 1e-29) < 1e-6);
}

TEST_CASE("l2: NaN anywhere in a row or its logits is NaN, so that such a head is not preferred") {
  CHECK(std::isnan(score::l2{}(std::vector{0.5, support::not_a_number, 0.5})));
  CHECK(std::isnan(accumulated({support::not_a_number, 1, 2})));
  CHECK(std::isnan(accumulated({1, support::not_a_number, 2})));
  CHECK(std::isnan(accumulated({support::not_a_number})));
  CHECK(std::isnan(accumulated({1, support::infinity})));
}
