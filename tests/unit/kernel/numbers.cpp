#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/dot.hpp>
#include <headcount/kernel/exponential.hpp>
#include <headcount/kernel/lanes.hpp>
#include <headcount/kernel/softmax.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/rows.hpp>

using namespace headcount;
using support::distance;

TEST_CASE("exp_of_nonpositive: agrees with float64 to 1e-7 relative from 0 to -87") {
  double worst = 0;
  for (int i = 0; i <= 400'000; ++i) {
    auto const x = -87.0f * static_cast<float>(i) / 400'000.0f;
    worst = std::max(worst, distance(static_cast<double>(kernel::exp_of_nonpositive(x)), std::exp(double{x})));
  }
  CHECK(worst < 1.2e-7);
  CHECK(kernel::exp_of_nonpositive(0.0f) == 1);
  CHECK(kernel::exp_of_nonpositive(-0.0f) == 1);
  CHECK(kernel::exp_of_nonpositive(-1e-30f) == 1);
}

TEST_CASE("exp_of_nonpositive: is 0 below -87, however far, and NaN for NaN") {
  for (float const x : {-87.01f, -1e4f, -3e38f, -static_cast<float>(support::infinity)})
    CHECK(kernel::exp_of_nonpositive(x) == 0);
  CHECK(kernel::exp_of_nonpositive(-87.0f) > 0);
  CHECK(std::isnan(kernel::exp_of_nonpositive(static_cast<float>(support::not_a_number))));
}

TEST_CASE("exp_of_nonpositive: sixteen at once are those of one at a time") {
  std::vector<float> numbers{0.0f,
                             -0.0f,
                             -1e-30f,
                             -87.0f,
                             -87.01f,
                             -3e38f,
                             static_cast<float>(support::not_a_number),
                             -static_cast<float>(support::infinity)};
  while (numbers.size() < 16'000) numbers.push_back(-88.0f * static_cast<float>(numbers.size()) / 16'000.0f);
  for (std::size_t i = 0; i < numbers.size(); i += 16) {
    kernel::lanes sixteen;
    kernel::all_lanes::load(sixteen, &numbers[i]);
    kernel::exp_of_nonpositive(sixteen);
    std::array<float, 16> powers;
    kernel::all_lanes::store(sixteen, powers.data());
    for (std::size_t lane = 0; lane < 16; ++lane) {
      float const alone = kernel::exp_of_nonpositive(numbers[i + lane]);
      REQUIRE((std::isnan(alone) ? std::isnan(powers[lane]) : distance(powers[lane], alone, 1e-37) < 1.3e-7));
    }
  }
}

TEST_CASE("softmax: agrees with float64, and its weights sum to 1, whatever the row") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto weights = support::as<float>(row.logits);
    auto const expected = support::softmax(support::as<double>(weights));
    kernel::softmax(weights);
    // Rounding a logit's distance from the largest moves its exponential by as much, relatively.
    double const largest = *std::ranges::max_element(row.logits);
    for (std::size_t key = 0; key < weights.size(); ++key)
      REQUIRE(distance(static_cast<double>(weights[key]), expected[key], 1e-37) <
              3e-7 + 0x1p-24 * std::min(largest - row.logits[key], 87.0));
    CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == doctest::Approx(1).epsilon(1e-6));
  }
}

TEST_CASE("softmax: without keys it stays one, a masked key weighs 0, NaN or all masked is NaN throughout") {
  kernel::softmax({});
  auto const infinity = static_cast<float>(support::infinity);
  auto const not_a_number = static_cast<float>(support::not_a_number);
  std::vector row{-infinity, 1.0f, -infinity};
  kernel::softmax(row);
  CHECK(row == std::vector{0.0f, 1.0f, 0.0f});
  for (auto bad : {std::vector{1.0f, not_a_number, 2.0f}, std::vector{not_a_number, 1.0f}, std::vector{1.0f, infinity},
                   std::vector(20, -infinity)}) {
    kernel::softmax(bad);
    CHECK(std::ranges::any_of(bad, [](float weight) { return std::isnan(weight); }));
  }
}

TEST_CASE("row_max: finds the largest value wherever it stands") {
  support::numbers draw{3};
  for (std::size_t size : {1, 2, 15, 16, 17, 31, 32, 33, 100}) {
    for (std::size_t at = 0; at < size; ++at) {
      auto row = support::as<float>(draw.list(size, -5, -1));
      row[at] = -0.5f;
      REQUIRE(kernel::row_max(row) == -0.5f);
    }
  }
}

TEST_CASE("dot, add_scaled and weighted_sum: agree with float64 for every length around the lanes") {
  support::numbers draw{5};
  for (std::size_t size = 0; size < 70; ++size) {
    auto const a = support::as<float>(draw.list(size, -1, 1));
    auto const b = support::as<float>(draw.list(size, -1, 1));
    double product = 0;
    for (std::size_t i = 0; i < size; ++i) product += double{a[i]} * double{b[i]};
    REQUIRE(std::abs(double{kernel::dot(a, b)} - product) < 1e-5);

    auto sum = a;
    kernel::add_scaled(sum, -3, b);
    for (std::size_t i = 0; i < size; ++i) REQUIRE(std::abs(double{sum[i]} - (double{a[i]} - 3 * double{b[i]})) < 1e-6);

    std::size_t const rows = size % 5;
    auto const stride = size + 3;
    auto const matrix = support::as<float>(draw.list(rows * stride, -1, 1));
    auto const factors = support::as<float>(draw.list(rows, -1, 1));
    kernel::weighted_sum(factors, {matrix.data(), {rows, size}, {static_cast<std::ptrdiff_t>(stride), 1}}, sum);
    for (std::size_t i = 0; i < size; ++i) {
      double expected = 0;
      for (std::size_t row = 0; row < rows; ++row) expected += double{factors[row]} * double{matrix[row * stride + i]};
      REQUIRE(std::abs(double{sum[i]} - expected) < 1e-6);
    }
  }
}
