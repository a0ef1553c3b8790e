#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/number_type.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/gini.hpp>
#include <headcount/score/hoyer.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/score/lp.hpp>
#include <headcount/score/max.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/rows.hpp>

// How uneven a row is, by every measure: entropy between sites, norms, Hoyer, Gini, and scores in bfloat16.

using namespace headcount;
using support::distance;

namespace {

/// What the accumulator of a scorer makes of the logits of a row.
template <class Score>
double accumulated(Score const& score, std::vector<double> const& logits) {
  auto sum = score.start({.position = logits.size() - 1}, logits.size());
  for (std::size_t key = 0; key < logits.size(); ++key) sum.add(key, logits[key]);
  return sum.score(score);
}

/// The Gini coefficient as it is defined, by all pairs.
double gini_of_pairs(std::vector<double> const& weights) {
  long double differences = 0, sum = 0;
  for (double const a : weights) {
    sum += a;
    for (double const b : weights) differences += std::abs(static_cast<long double>(a) - b);
  }
  return static_cast<double>(differences / (2 * static_cast<long double>(weights.size()) * sum));
}

double power_norm(std::vector<double> const& weights, double p) {
  long double powers = 0;
  for (double const weight : weights)
    if (weight > 0) powers += std::exp(static_cast<long double>(p) * std::log(static_cast<long double>(weight)));
  return static_cast<double>(std::exp(std::log(powers) / p));
}

double hoyer_by_definition(std::vector<double> const& weights) {
  auto const root = std::sqrt(static_cast<double>(weights.size()));
  return (root - power_norm(weights, 1) / support::norm(weights)) / (root - 1);
}

std::vector<double> one_hot(std::size_t keys) {
  std::vector<double> row(keys);
  row[keys / 2] = 1;
  return row;
}
std::vector<double> uniform(std::size_t keys) { return std::vector<double>(keys, 1 / static_cast<double>(keys)); }

/// Rows without those too long for all pairs.
std::vector<support::logit_row> short_rows() {
  auto rows = support::logit_rows();
  std::erase_if(rows, [](auto const& row) { return row.logits.size() > 2000; });
  return rows;
}

/// Checks what measures of unevenness have in common: the order of keys does not count, and what moves weight from a
/// smaller one to a larger one scores higher.
template <class Score>
void check_measure(Score const& score) {
  for (auto const& row : short_rows()) {
    CAPTURE(row.what);
    auto weights = support::weights_of(row);
    auto const before = score(weights);
    auto sorted = weights;
    std::ranges::sort(sorted);
    CHECK(distance(score(sorted), before, 1e-3) < 1e-9);
    if (sorted.size() < 2 || sorted[sorted.size() - 2] == 0) continue;
    auto const moved = sorted[sorted.size() - 2] / 2;
    sorted[sorted.size() - 2] -= moved;
    sorted.back() += moved;
    CHECK(score(sorted) > before);
  }
}

}  // namespace

TEST_CASE("max, hoyer, gini, lp: unevenness is what they measure") {
  check_measure(score::max{});
  check_measure(score::hoyer{});
  check_measure(score::gini{});
  check_measure(score::lp{3});
  check_measure(score::lp{1.5});
  check_measure(score::entropy{.normalised = true});
}

TEST_CASE("max: agrees with the largest weight, as a row and accumulated") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    CHECK(score::max{}(weights) == *std::ranges::max_element(weights));
    auto const floats = support::as<float>(weights);
    CHECK(score::max{}(floats) == double{*std::ranges::max_element(floats)});
    CHECK(distance(accumulated(score::max{}, row.logits), *std::ranges::max_element(weights)) < 1e-12);
  }
  CHECK(score::max{}(std::vector<float>{}) == 0);
  CHECK(std::isnan(score::max{}(std::vector{0.5, support::not_a_number, 0.9})));
  CHECK(std::isnan(score::max{}(std::vector{0.5, 0.9, support::not_a_number})));
}

TEST_CASE("lp: is the row's mass for 1, l2 for 2, and goes to the largest weight for large powers") {
  for (auto const& row : support::logit_rows()) {
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    CHECK(distance(score::lp{1}(weights), 1) < 1e-11);
    CHECK(distance(score::lp{2}(weights), score::l2{}(weights)) < 1e-12);
    CHECK(score::lp{100}(weights) >= score::max{}(weights));
    CHECK(distance(score::lp{100}(weights), score::max{}(weights)) < 0.12);  // 32768^(1/100) is 1.11
    for (double const p : {0.1, 0.5, 1.0, 1.5, 2.0, 7.0, 100.0}) {
      CAPTURE(p);
      CHECK(distance(score::lp{p}(weights), power_norm(weights, p)) < 1e-11);
    }
  }
}

TEST_CASE("lp: scales with the row, and one key, none and no weight are simple") {
  std::vector const row{0.1, 0.2, 0.3}, third{0.1 / 3, 0.2 / 3, 0.3 / 3};
  for (double const p : {0.1, 0.7, 1.0, 3.0, 100.0}) {
    CHECK(distance(score::lp{p}(third), score::lp{p}(row) / 3) < 1e-13);
    CHECK(distance(score::lp{p}(uniform(16)), std::pow(16, 1 / p - 1)) < 1e-12);
    CHECK(score::lp{p}(std::vector{1.0}) == 1);
    CHECK(score::lp{p}(std::vector{0.0, 0.0}) == 0);
    CHECK(score::lp{p}(std::vector<float>{}) == 0);
  }
}

TEST_CASE("hoyer: is 0 for a uniform row and 1 for one key among many, and between by its formula") {
  for (std::size_t const keys : {2u, 5u, 64u, 1000u}) {
    CHECK(std::abs(score::hoyer{}(uniform(keys))) < 1e-12);
    CHECK(score::hoyer{}(one_hot(keys)) == 1);
  }
  // Two of four keys alike: (2 - sqrt(2)) / (2 - 1).
  CHECK(distance(score::hoyer{}(std::vector{0.5, 0.0, 0.5, 0.0}), 2 - std::sqrt(2.0)) < 1e-14);
  CHECK(score::hoyer{}(std::vector{1.0}) == 1);
  CHECK(score::hoyer{}(std::vector<double>{}) == 0);
  CHECK(score::hoyer{}(std::vector{0.0, 0.0}) == 0);
  for (auto const& row : short_rows()) {
    if (row.logits.size() == 1) continue;
    CAPTURE(row.what);
    auto weights = support::weights_of(row);
    auto const exact = hoyer_by_definition(weights);
    CHECK(std::abs(score::hoyer{}(weights)-exact) < 1e-12);
    for (auto& weight : weights) weight /= 8;
    CHECK(std::abs(score::hoyer{}(weights)-exact) < 1e-12);
  }
}

TEST_CASE("gini: is 0 for a uniform row, 1 - 1/n for a one-hot row, and known for small ones") {
  for (std::size_t const keys : {1u, 2u, 5u, 64u, 1500u}) {
    CHECK(std::abs(score::gini{}(uniform(keys))) < 1e-12);
    CHECK(distance(score::gini{}(one_hot(keys)), 1 - 1 / static_cast<double>(keys)) < 1e-12);
  }
  // Shares 1, 2, 3, 4 of ten: 20 of absolute differences, by 2 * 4 * 10.
  CHECK(distance(score::gini{}(std::vector{0.4, 0.1, 0.3, 0.2}), 0.25) < 1e-14);
  CHECK(score::gini{}(std::vector<double>{}) == 0);
  CHECK(score::gini{}(std::vector{0.0, 0.0}) == 0);
  CHECK(std::isnan(score::gini{}(std::vector{0.5, support::not_a_number})));
}

TEST_CASE("gini: agrees with the mean absolute difference of all pairs, and scaling a row changes nothing") {
  auto const check = [](std::vector<double> weights) {
    auto const exact = gini_of_pairs(weights);
    CHECK(std::abs(score::gini{}(weights)-exact) < 1e-12);
    CHECK(std::abs(score::gini{}(support::as<float>(weights)) - exact) < 1e-6);
    for (auto& weight : weights) weight *= 64;
    CHECK(std::abs(score::gini{}(weights)-exact) < 1e-12);
  };
  for (auto const& row : short_rows()) {
    CAPTURE(row.what);
    check(support::weights_of(row));
  }
  // Around the sizes where it goes over the row again, with few different weights and with many.
  support::numbers draw{5};
  for (std::size_t const keys : {511u, 512u, 513u, 1023u, 1024u, 1025u, 1600u}) {
    CAPTURE(keys);
    check(draw.list(keys, 0, 1));
    auto steps = draw.list(keys, 0, 1);
    for (auto& weight : steps) weight = std::round(3 * weight);
    check(steps);
    std::ranges::sort(steps, std::greater{});
    check(steps);
  }
}

TEST_CASE("gini: a row of 32768 keys agrees with the sorted formula") {
  auto weights = support::softmax(support::numbers{6}.list(32768, -6, 6));
  auto const score = score::gini{}(weights);
  std::ranges::sort(weights);
  long double ranked = 0;
  auto const keys = static_cast<long double>(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    ranked += (2 * static_cast<long double>(i + 1) - keys - 1) * static_cast<long double>(weights[i]);
  CHECK(distance(score, static_cast<double>(ranked / keys)) < 1e-12);
}

TEST_CASE("entropy, normalised: from -1 for a uniform row to 0 for one key, however many are visible") {
  score::entropy const score{.normalised = true};
  for (std::size_t const keys : {2u, 3u, 64u, 4096u}) {
    CHECK(distance(score(uniform(keys)), -1) < 1e-7);
    CHECK(std::abs(score(one_hot(keys))) < 1e-7);
    CHECK(distance(accumulated(score, std::vector<double>(keys, 2.5)), -1) < 1e-12);
  }
  CHECK(score(std::vector{1.0}) == 0);
  CHECK(score(std::vector<float>{}) == 0);
  CHECK(accumulated(score, {7.0}) == 0);
  CHECK(std::isnan(score(std::vector{support::not_a_number})));
  // 1.5 bits of 3 keys' log2(3), and of 8 keys' 3 bits.
  CHECK(distance(score(std::vector{0.5, 0.25, 0.25}), -1.5 / std::log2(3.0)) < 1e-9);
  CHECK(distance(score(std::vector{0.5, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0}), -0.5) < 1e-9);
  for (auto const& row : support::logit_rows()) {
    if (row.logits.size() == 1) continue;
    CAPTURE(row.what);
    auto const weights = support::weights_of(row);
    auto const exact = support::minus_entropy(weights, 1e-12) / std::log2(static_cast<double>(weights.size()));
    CHECK(distance(score(weights), exact, 0.1) < 1e-12);
    CHECK(distance(accumulated(score, row.logits),
                   support::minus_entropy(weights, 0) / std::log2(static_cast<double>(weights.size())), 0.1) < 1e-12);
  }
}

TEST_CASE("bfloat16: rounds to the nearest number of eight bits, of two to the even one") {
  CHECK(round_to_bfloat16(1.0f) == 1.0f);
  CHECK(round_to_bfloat16(0.1f) == 0.10009765625f);
  CHECK(round_to_bfloat16(-0.7f) == -0.69921875f);
  CHECK(round_to_bfloat16(1 + 0x1p-8f) == 1.0f);             // halfway, down to even
  CHECK(round_to_bfloat16(1 + 3 * 0x1p-8f) == 1 + 0x1p-6f);  // halfway, up to even
  CHECK(round_to_bfloat16(1 + 0x1.01p-8f) == 1 + 0x1p-7f);   // just above
  CHECK(round_to_bfloat16(1e-12f) == 0x1.1ap-40f);
  CHECK(round_to_bfloat16(0x1.ffp127f) == static_cast<float>(support::infinity));
  CHECK(std::isnan(round_to_bfloat16(static_cast<float>(support::not_a_number))));
}

TEST_CASE("entropy, l2 in bfloat16: score as PyTorch does a bfloat16 tensor of weights") {
  // torch.sum((p + 1e-12) * torch.log2(p + 1e-12)) and torch.norm(p) of p.to(torch.bfloat16), PyTorch 1.13 on a CPU.
  struct published {
    std::vector<float> weights;
    double entropy, l2;
  };
  std::vector<double> saw(100);
  for (std::size_t i = 0; i < saw.size(); ++i) {
    double const x = 0.37 * static_cast<double>(i) * static_cast<double>(i);
    saw[i] = std::fmod(x, 5) - 2.5;
  }
  auto const third = 1 / 3.0f;
  for (auto const& [weights, entropy, l2] :
       {published{{0.7f, 0.2f, 0.1f}, -1.1640625, 0.734375}, published{{0.5f, 0.25f, 0.25f}, -1.5, 0.61328125},
        published{{0.35f, 0.3f, 0.2f, 0.1f, 0.05f}, -2.078125, 0.515625},
        published{{third, third, third}, -1.59375, 0.578125},
        published{{0.9f, 0.05f, 0.03f, 0.02f, 0.0f}, -0.62109375, 0.90234375},
        published{support::as<float>(support::softmax(saw)), -5.75, 0.158203125}}) {
    CHECK(score::entropy{.dtype = number_type::bfloat16}(weights) == entropy);
    CHECK(score::l2{.dtype = number_type::bfloat16}(weights) == l2);
    CHECK(distance(score::entropy{}(weights), entropy) < 0.02);
    CHECK(distance(score::l2{}(weights), l2) < 0.01);
  }
}

TEST_CASE("bfloat16: near ties become ties and accumulators have nothing to round") {
  std::vector const a{0.501f, 0.499f}, b{0.5f, 0.5f};
  CHECK(score::entropy{}(a) > score::entropy{}(b));
  CHECK(score::entropy{.dtype = number_type::bfloat16}(a) == score::entropy{.dtype = number_type::bfloat16}(b));
  CHECK(score::entropy{}.accumulates());
  CHECK_FALSE(score::entropy{.dtype = number_type::bfloat16}.accumulates());
  CHECK_FALSE(score::l2{.dtype = number_type::bfloat16}.accumulates());
  CHECK(score::max{}.accumulates());
}
