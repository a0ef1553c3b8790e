#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random_stream.hpp>

using namespace headcount;

namespace {

/// SplitMix64 as published: a counter that is finalised.
struct split_mix {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
};

}  // namespace

TEST_CASE("random_stream: SplitMix64 from its second number on, after one round over the seed") {
  for (std::uint64_t const seed : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    split_mix expected{split_mix{seed}.next()};
    (void)expected.next();
    random_stream stream{seed};
    for (int i = 0; i < 20; ++i) CHECK(stream.number() == std::ldexp(static_cast<double>(expected.next() >> 11), -53));
    for (std::size_t const count : {1u, 2u, 10u, 4294967295u})
      CHECK(stream.below(count) ==
            static_cast<std::size_t>(
                std::floor(std::ldexp(static_cast<double>(expected.next() >> 32), -32) * static_cast<double>(count))));
  }
}

TEST_CASE("random_stream: some of a list are different elements, each as likely in every place") {
  std::vector<int> const list{0, 1, 2, 3, 4};
  std::vector<std::vector<int>> seen(5, std::vector<int>(3));  // [element][place]
  random_stream random{5};
  constexpr int rounds = 5000;
  for (int round = 0; round < rounds; ++round) {
    auto const drawn = random.some_of(list, 3);
    REQUIRE(drawn.size() == 3);
    CHECK(std::set<int>(drawn.begin(), drawn.end()).size() == 3);
    for (std::size_t place = 0; place < 3; ++place) ++seen[static_cast<std::size_t>(drawn[place])][place];
  }
  double chi_squared = 0;
  for (auto const& places : seen)
    for (auto const count : places) chi_squared += std::pow(count - rounds / 5.0, 2) / (rounds / 5.0);
  CHECK(chi_squared < 36.1);  // 12 degrees of freedom: exceeded with probability 0.0003
  auto all = random.some_of(list, 9);
  std::ranges::sort(all);
  CHECK(all == list);
}
