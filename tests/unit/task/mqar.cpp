// task/mqar.hpp against the definition: keys and values of two halves, and every key once more at an even place.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/task/recall/mqar.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("mqar: pairs come first, and each key is asked for once, at an even place, with its value wanted there") {
  for (auto const& [vocabulary, length, pairs] :
       {std::tuple{8192u, 64u, 4u}, {8192u, 128u, 8u}, {8192u, 256u, 64u}, {20u, 12u, 3u}, {12u, 16u, 4u}})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      random_stream random{seed};
      auto const text = make_mqar({.vocabulary = vocabulary, .length = length, .pairs = pairs}, random);
      REQUIRE(text.pairs.size() == 2 * pairs);
      CHECK(text.pairs.size() + text.queries.size() == length);
      std::map<token, token> value_of;
      std::set<token> values;
      for (std::size_t i = 0; i < text.pairs.size(); i += 2) {
        auto const key = text.pairs[i];
        auto const value = text.pairs[i + 1];
        CHECK(key >= 1);
        CHECK(key < static_cast<token>(vocabulary / 2));
        CHECK(value >= static_cast<token>(vocabulary / 2));
        CHECK(value < static_cast<token>(vocabulary));
        CHECK(value_of.emplace(key, value).second);
        CHECK(values.insert(value).second);
      }
      REQUIRE(text.wanted.size() == pairs);
      std::set<std::size_t> places;
      for (auto const& [place, value] : text.wanted) {
        CHECK(place % 2 == 0);
        CHECK(places.insert(place).second);
        REQUIRE(place < text.queries.size());
        auto const asked = value_of.find(text.queries[place]);
        REQUIRE(asked != value_of.end());
        CHECK(asked->second == value);
      }
      for (std::size_t place = 0; place < text.queries.size(); ++place) {
        CHECK(text.queries[place] >= 0);
        CHECK(text.queries[place] < static_cast<token>(vocabulary));
        if (!places.contains(place)) CHECK(!value_of.contains(text.queries[place]));
      }
    }
}

TEST_CASE("mqar: the first key's gap follows a power law") {
  // One pair in 12 tokens leaves 5 even places: p(i) ~ i^(a - 1).
  for (double const power : {0.01, 1.0, 3.0}) {
    constexpr int rounds = 4000;
    std::vector<double> seen(5);
    random_stream random{11};
    for (int round = 0; round < rounds; ++round)
      seen[make_mqar({.vocabulary = 64, .length = 12, .pairs = 1, .power = power}, random).wanted[0].first / 2] += 1;
    double sum = 0;
    for (int i = 1; i <= 5; ++i) sum += std::pow(i, power - 1);
    double chi_squared = 0;
    for (int i = 1; i <= 5; ++i) {
      auto const expected = rounds * std::pow(i, power - 1) / sum;
      chi_squared += std::pow(seen[static_cast<std::size_t>(i - 1)] - expected, 2) / expected;
    }
    CAPTURE(power);
    CHECK(chi_squared < 21.1);  // 4 degrees of freedom: exceeded with probability 0.0003
  }
}

TEST_CASE("mqar: as many pairs as places fill every place, and what cannot be is refused") {
  random_stream random{2};
  auto const full = make_mqar({.vocabulary = 100, .length = 16, .pairs = 4}, random);
  std::set<std::size_t> places;
  for (auto const& one : full.wanted) places.insert(one.first);
  CHECK(places == std::set<std::size_t>{0, 2, 4, 6});
  auto const refusal = [&](mqar_plan const& plan) { return test::message_of([&] { (void)make_mqar(plan, random); }); };
  CHECK(refusal({.length = 14, .pairs = 4}) ==
        "mqar: length 14 with 4 pairs (allowed: an even length of at least 4 tokens a pair)");
  CHECK(test::contains(refusal({.length = 17, .pairs = 4}), "length 17 with 4 pairs"));
  CHECK(test::contains(refusal({.length = 64, .pairs = 0}), "length 64 with 0 pairs"));
  CHECK(refusal({.vocabulary = 11, .pairs = 4}) == "mqar: vocabulary 11 with 4 pairs (allowed: at least 12)");
}
