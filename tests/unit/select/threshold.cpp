#include <array>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/select/fixed.hpp>
#include <headcount/select/hysteresis.hpp>
#include <headcount/select/selector.hpp>
#include <headcount/select/threshold.hpp>
#include <support/numbers.hpp>

using namespace headcount;
using support::infinity;
using support::not_a_number;

namespace {

template <class Select>
std::vector<std::size_t> kept(Select const& select, std::vector<double> const& scores) {
  auto const set = select(scores);
  return {set.begin(), set.end()};
}

using heads = std::vector<std::size_t>;

constexpr std::array constant_scores{0.5, 2.0, 1.0};
static_assert(select::threshold{1.0}(constant_scores).size() == 2, "it works in constant expressions");
static_assert(select::every_head{}(constant_scores).size() == 3 && select::no_head{}(constant_scores).empty());
static_assert(selector<select::threshold> && selector<select::every_head> && selector<select::no_head>);

}  // namespace

TEST_CASE("threshold: keeps the scores that reach it, the one that equals it too") {
  CHECK(kept(select::threshold{1}, {0.999, 1, 1.001, -5}) == heads{1, 2});
  CHECK(kept(select::threshold{-2.5}, {-2.5, -2.6, 0}) == heads{0, 2});
  CHECK(kept(select::threshold{}, {-0.0, 0.0, -1e-300}) == heads{0, 1});
}

TEST_CASE("threshold: may keep all heads or none") {
  CHECK(kept(select::threshold{-1}, {0, 1, infinity}) == heads{0, 1, 2});
  CHECK(kept(select::threshold{5}, {0, 1, -infinity}).empty());
  CHECK(kept(select::threshold{5}, {}).empty());
}

TEST_CASE("threshold: a head scored NaN is dropped, however low the bar") {
  CHECK(kept(select::threshold{-1e308}, {not_a_number, -infinity, 0, not_a_number}) == heads{2});
}

TEST_CASE("every_head and no_head: do not look at scores") {
  CHECK(kept(select::every_head{}, {not_a_number, -infinity, 3}) == heads{0, 1, 2});
  CHECK(kept(select::every_head{}, {}).empty());
  CHECK(kept(select::no_head{}, {not_a_number, infinity, 3}).empty());
}

TEST_CASE("hysteresis: takes a head at one bar and keeps it until it falls below the other") {
  select::hysteresis const select{.enter = 2, .leave = 1};
  std::vector<double> memory(3, not_a_number);
  auto const at = [&](std::vector<double> const& scores) {
    auto const set = select(scores, {}, memory);
    return heads{set.begin(), set.end()};
  };
  CHECK(at({1.5, 2, 3}) == heads{1, 2});
  CHECK(at({1.999, 1, 0.999}) == heads{1});
  CHECK(at({2, 1.5, 1.5}) == heads{0, 1});
  CHECK(at({not_a_number, 1.5, infinity}) == heads{1, 2});
  CHECK(at({1.5, -infinity, 1}) == heads{2});
  CHECK(memory == std::vector<double>{0, 0, 1});
}

TEST_CASE("hysteresis: is a threshold where nobody keeps a memory, and where its bars are one") {
  support::numbers draw{3};
  std::vector<double> memory(8, not_a_number);
  for (int round = 0; round < 20; ++round) {
    auto const scores = draw.list(8, -1, 1);
    CHECK(select::hysteresis{.enter = 0.5, .leave = -0.5}(scores, {}, {}) == select::threshold{0.5}(scores));
    CHECK(select::hysteresis{.enter = 0.25, .leave = 0.25}(scores, {}, memory) == select::threshold{0.25}(scores));
  }
  CHECK_NOTHROW(validate_part(select::hysteresis{.enter = 1, .leave = 1}, {}));
  CHECK_THROWS_AS(validate_part(select::hysteresis{.enter = 1, .leave = 2}, {}), error);
}
