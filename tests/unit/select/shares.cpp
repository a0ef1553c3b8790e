#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/select/fraction.hpp>
#include <headcount/select/relative_threshold.hpp>
#include <headcount/select/selector.hpp>
#include <headcount/select/top_p.hpp>
#include <support/numbers.hpp>

using namespace headcount;
using support::infinity;
using support::not_a_number;

namespace {

using heads = std::vector<std::size_t>;

template <class Select>
heads kept(Select const& select, std::vector<double> const& scores) {
  auto const set = select(scores);
  return {set.begin(), set.end()};
}

std::vector<double> rising(std::size_t count) {
  std::vector<double> scores;
  while (scores.size() < count) scores.push_back(static_cast<double>(scores.size()));
  return scores;
}

static_assert(selector<select::fraction> && selector<select::relative_threshold> && selector<select::top_p>);

}  // namespace

TEST_CASE("fraction: keeps the ceiling of its share of the heads") {
  CHECK(kept(select::fraction{0.5}, {1, 4, 3, 2}) == heads{1, 2});
  CHECK(kept(select::fraction{0.51}, {1, 4, 3, 2}) == heads{1, 2, 3});
  CHECK(kept(select::fraction{1e-9}, {1, 4, 3, 2}) == heads{1});
  CHECK(kept(select::fraction{0}, {1, 4, 3, 2}).empty());
  CHECK(kept(select::fraction{1}, {1, not_a_number, 3}) == heads{0, 1, 2});
  CHECK(kept(select::fraction{1}, {}).empty());
}

TEST_CASE("fraction: a share that makes a whole number of heads is that number, however it rounds") {
  CHECK(select::fraction{0.07}(rising(100)).size() == 7);  // 0.07 * 100 is 7.000000000000001
  CHECK(select::fraction{0.2}(rising(10)).size() == 2);
  CHECK(select::fraction{0.15}(rising(32)).size() == 5);
  for (std::size_t heads = 1; heads <= head_set::capacity(); heads += 5)
    for (std::size_t n = 0; n <= heads; ++n)
      REQUIRE(select::fraction{static_cast<double>(n) / static_cast<double>(heads)}(rising(heads)).size() == n);
}

TEST_CASE("relative_threshold: the bar is a share of the best score") {
  CHECK(kept(select::relative_threshold{0.5}, {0.8, 0.4, 0.39, 0}) == heads{0, 1});
  CHECK(kept(select::relative_threshold{1}, {0.8, 0.8, 0.79}) == heads{0, 1});
  CHECK(kept(select::relative_threshold{0}, {0.8, 0, -0.1}) == heads{0, 1});
}

TEST_CASE("relative_threshold: below zero the bar lies as far under the best as it would above zero") {
  CHECK(kept(select::relative_threshold{0.5}, {-2, -3, -3.1}) == heads{0, 1});
  CHECK(kept(select::relative_threshold{1}, {-2, -2, -2.5}) == heads{0, 1});
  CHECK(kept(select::relative_threshold{0}, {-2, -4, -4.5}) == heads{0, 1});
  CHECK(kept(select::relative_threshold{0.5}, {0, -1e-300, -0.0}) == heads{0, 2});
}

TEST_CASE("relative_threshold: the best is kept, whatever it is, unless it is no number") {
  for (double const x : {0.0, 0.5, 1.0}) {
    CHECK(kept(select::relative_threshold{x}, {3, infinity, infinity, not_a_number}) == heads{1, 2});
    CHECK(kept(select::relative_threshold{x}, {-infinity, not_a_number, -infinity}) == heads{0, 2});
    CHECK(kept(select::relative_threshold{x}, {not_a_number, not_a_number}).empty());
    CHECK(kept(select::relative_threshold{x}, {}).empty());
  }
}

TEST_CASE("top_p: keeps the fewest heads that hold the share of the summed score") {
  CHECK(kept(select::top_p{0.5}, {1, 5, 3, 1}) == heads{1});
  CHECK(kept(select::top_p{0.51}, {1, 5, 3, 1}) == heads{1, 2});
  CHECK(kept(select::top_p{0.9}, {1, 5, 3, 1}) == heads{0, 1, 2});
  CHECK(kept(select::top_p{1}, {1, 5, 3, 1, 0}) == heads{0, 1, 2, 3});
  CHECK(kept(select::top_p{0}, {1, 5, 3, 1}).empty());
  CHECK(kept(select::top_p{0.25}, {2, 2, 2, 2}) == heads{0});
}

TEST_CASE("top_p: negative scores and NaN hold nothing, and where nothing is held all heads are kept") {
  CHECK(kept(select::top_p{1}, {-5, 2, not_a_number, 1}) == heads{1, 3});
  CHECK(kept(select::top_p{0.1}, {-5, -1, 0}) == heads{0, 1, 2});
  CHECK(kept(select::top_p{0.1}, {not_a_number, not_a_number}) == heads{0, 1});
  CHECK(kept(select::top_p{0}, {-5, -1, 0}).empty());
  CHECK(kept(select::top_p{0.5}, {}).empty());
}

TEST_CASE("top_p: with softmax the shares go by e to the score, so negative scores have theirs") {
  // e^-1, e^-2, e^-3: 0.665, 0.245, 0.090 of the sum
  CHECK(kept(select::top_p{0.66, true}, {-3, -1, -2}) == heads{1});
  CHECK(kept(select::top_p{0.67, true}, {-3, -1, -2}) == heads{1, 2});
  CHECK(kept(select::top_p{0.92, true}, {-3, -1, -2}) == heads{0, 1, 2});
  CHECK(kept(select::top_p{0.99, true}, {-1e4, 1e4, not_a_number}) == heads{1});
}

TEST_CASE("top_p: an infinite score holds everything, and huge ones do not overflow") {
  for (bool const softmax : {false, true}) {
    CHECK(kept(select::top_p{0.6, softmax}, {1e300, infinity, infinity}) == heads{1, 2});
    CHECK(kept(select::top_p{0.5, softmax}, {1e300, infinity, infinity}) == heads{1});
    CHECK(kept(select::top_p{1, softmax}, {1.5e308, 1.5e308, 1.5e308}) == heads{0, 1, 2});
  }
  CHECK(kept(select::top_p{0.4, true}, {-infinity, -infinity}) == heads{0});
}
