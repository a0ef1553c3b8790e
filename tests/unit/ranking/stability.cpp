// ranking/stability: split halves, against counts by hand and against what noise does.

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random_stream.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/ranking/stability.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// Two layers of ten heads, each with a number of its own plus noise of each text.
auto noisy(double signal) {
  return [signal](std::span<std::size_t const> which) {
    head_table scores{std::vector<double>(10), {}, std::vector<double>(10)};
    for (auto const text : which) {
      random_stream random{text + 100};
      for (auto& layer : scores)
        for (std::size_t head = 0; head < layer.size(); ++head)
          layer[head] += signal * static_cast<double>(head) + random.number();
    }
    return scores;
  };
}

ranking made(head_table scores, std::optional<ranking_stability> stability) {
  return {.scores = std::move(scores), .source = {.stability = std::move(stability)}};
}

}  // namespace

TEST_CASE("stability: halves are every other text, and agree as their scores do") {
  std::vector<std::vector<std::size_t>> asked;
  auto const found = stability_of(
      5,
      [&](std::span<std::size_t const> which) {
        asked.emplace_back(which.begin(), which.end());
        return which.size() == 3 ? head_table{{4, 3, 2, 1}} : head_table{{4, 3, 1, 2}};
      },
      1);
  CHECK(asked == std::vector<std::vector<std::size_t>>{{0, 2, 4}, {1, 3}});
  REQUIRE(found);
  CHECK(found->texts == 5);
  CHECK(found->tau == doctest::Approx(4.0 / 6));
  CHECK(found->overlap == std::vector<ranking_stability::best_heads>{{1, 1}, {2, 1}, {3, 0.5}});
  CHECK_FALSE(stability_of(1, noisy(1), 1).has_value());
}

TEST_CASE("stability: the chance of as much agreement is that of all orders") {
  // Of the 24 orders of four, 1 has tau 1, and 3 more have one pair the other way.
  head_table const up{{1, 2, 3, 4}};
  CHECK(std::abs(agreement_by_chance(up, up, random_stream{1}, 20000) - 1.0 / 24) < 0.006);
  CHECK(std::abs(agreement_by_chance(up, {{1, 2, 4, 3}}, random_stream{2}, 20000) - 4.0 / 24) < 0.011);
  CHECK(agreement_by_chance(up, {{4, 3, 2, 1}}, random_stream{3}, 99) == 1);
  CHECK(agreement_by_chance(up, {{2, 2, 2, 2}}, random_stream{3}, 99) == 1);
}

TEST_CASE("stability: says when scores are equal or no more than noise, and not when they are more") {
  auto const scores = noisy(1)(std::vector<std::size_t>{1});
  CHECK(doubt_of(made(scores, stability_of(20, noisy(1), 1))).empty());
  std::size_t doubted = 0;
  for (std::size_t seed = 0; seed < 40; ++seed) {
    auto const shifted = [&](std::span<std::size_t const> which) {
      std::vector<std::size_t> others;
      for (auto const text : which) others.push_back(text + 1000 * seed);
      return noisy(0)(others);
    };
    doubted += doubt_of(made(scores, stability_of(20, shifted, seed))).find("noise") != std::string::npos ? 1 : 0;
  }
  CHECK(doubted >= 34);  // 38 are expected of 40 at p = 0.05
  CHECK(doubt_of(made({{1, 1}, {}, {2, 2}}, {})).find("score the same") != std::string::npos);
  CHECK(doubt_of(made({{1, 1}, {}, {2, 3}}, {})).empty());
  auto const flat = stability_of(4, [](auto) { return head_table{{1, 1, 1}}; }, 1);
  CHECK(std::isnan(flat->tau));
  CHECK(doubt_of(made({{1, 2, 1}}, flat)).find("no order") != std::string::npos);
}
