#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/strided_view.hpp>
#include <headcount/score/entropy.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/rows.hpp>

using namespace headcount;
using support::distance;

namespace {

/// What the accumulator makes of the logits of a row.
double accumulated(std::vector<double> const& logits) {
  auto sum = score::entropy{}.start({}, logits.size());
  for (std::size_t key = 0; key < logits.size(); ++key) sum.add(key, logits[key]);
  return sum.score(score::entropy{});
}

}  // namespace

TEST_CASE("entropy: a one-hot row scores 0 and a uniform row -log2(keys)") {
  CHECK(std::abs(score::entropy{}(std::vector{0.f, 0.f, 1.f, 0.f})) < 1e-9);
  for (std::size_t const keys : {2u, 3u, 64u, 4096u}) {
    std::vector<double> const row(keys, 1 / static_cast<double>(keys));
    CHECK(distance(score::entropy{}(row), -std::log2(static_cast<double>(keys))) < 1e-7);
  }
}

TEST_CASE("entropy: halves and quarters score the bits that one would count") {
  CHECK(distance(score::entropy{}(std::vector{0.5, 0.5}), -1) < 1e-10);
  CHECK(distance(score::entropy{}(std::vector{0.5, 0.25, 0.25}), -1.5) < 1e-10);
  CHECK(distance(score::entropy{}(std::vector{0.25, 0.0, 0.75, 0.0}), -0.8112781244591328) < 1e-9);
}

TEST_CASE("entropy: agrees with its formula in extended precision, whatever the row") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    CHECK(distance(score::entropy{}(weights), support::minus_entropy(weights, 1e-12), 1) < 1e-12);
    auto const floats = support::as<float>(weights);
    CHECK(distance(score::entropy{}(floats), support::minus_entropy(floats, 1e-12), 1) < 3e-7);
  }
}

TEST_CASE("entropy: eps is added to each weight, before and inside the logarithm") {
  std::vector const row{0.0, 0.5, 0.0, 0.5};
  for (double const eps : {1e-12, 1e-6, 1e-3}) {
    double const formula = 2 * eps * std::log2(eps) + 2 * (0.5 + eps) * std::log2(0.5 + eps);
    CHECK(distance(score::entropy{eps}(row), formula) < 1e-14);
    CHECK(distance(score::entropy{eps}(support::as<float>(row)), formula) < 3e-7);
  }
  CHECK(score::entropy{1e-3}(row) < score::entropy{}(row)-0.01);
}

TEST_CASE("entropy: an empty row scores 0, as a row and accumulated") {
  CHECK(score::entropy{}(std::span<float const>{}) == 0);
  CHECK(score::entropy::accumulator{}.score(score::entropy{}) == 0);
}

TEST_CASE("entropy: an accumulator of sums that a kernel made goes by the formula") {
  // Weights 1/2, 1/4, 1/4 relative to a largest logit of 3: z = 1 + 2 / 2, t = -ln 2.
  score::entropy::accumulator const sum{{3, 2}, -std::log(2.0), 3};
  CHECK(distance(sum.score(score::entropy{}), -1.5) < 1e-15);
  CHECK(distance(sum.score(score::entropy{.normalised = true}), -1.5 / std::log2(3.0)) < 1e-15);
}

TEST_CASE("entropy: elements side by side, a stride apart or in a vector score alike, in doubles nearly") {
  auto const weights = support::as<float>(support::softmax(support::numbers{1}.list(50, -3, 3)));
  std::vector<float> spread(3 * weights.size(), -1.0f);
  for (std::size_t key = 0; key < weights.size(); ++key) spread[3 * key] = weights[key];
  auto const expected = score::entropy{}(weights);
  CHECK(score::entropy{}(std::span{weights}) == expected);
  CHECK(score::entropy{}(strided_view<float const, 1>{spread.data(), {weights.size()}, {3}}) == expected);
  CHECK(distance(score::entropy{}(support::as<double>(weights)), expected) < 3e-7);
}

TEST_CASE("entropy: accumulated logits score as the row they make") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    auto const score = accumulated(row.logits);
    CHECK(distance(score, support::minus_entropy(weights, 0), 1) < 1e-12);
    CHECK(distance(score, score::entropy{}(support::as<float>(weights)), 1) < 1e-5);
  }
}

TEST_CASE("entropy: logits may come in any order and shifted by any number") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto logits = row.logits;
    auto const expected = accumulated(logits);
    std::ranges::sort(logits);
    CHECK(distance(accumulated(logits), expected, 1) < 1e-11);
    std::ranges::reverse(logits);
    for (auto& logit : logits) logit += 256;
    CHECK(distance(accumulated(logits), expected, 1) < 1e-11);
  }
}

TEST_CASE("entropy: masked logits are as if they were not there") {
  CHECK(accumulated({-support::infinity, 1, -support::infinity, 2}) == accumulated({1, 2}));
  CHECK(accumulated({-support::infinity, -support::infinity}) == 0);
}

TEST_CASE("entropy: NaN anywhere in a row or its logits is NaN, so that such a head is not preferred") {
  CHECK(std::isnan(score::entropy{}(std::vector{0.5, support::not_a_number, 0.5})));
  for (std::size_t const keys : {3, 40}) {
    std::vector<float> row(keys, 0.1f);
    row[1] = static_cast<float>(support::not_a_number);
    CHECK(std::isnan(score::entropy{}(row)));
  }
  CHECK(std::isnan(accumulated({support::not_a_number, 1, 2})));
  CHECK(std::isnan(accumulated({1, support::not_a_number, 2})));
  CHECK(std::isnan(accumulated({1, 2, support::not_a_number})));
  CHECK(std::isnan(accumulated({support::not_a_number})));
  CHECK(std::isnan(accumulated({1, support::infinity})));
}
