#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/token_positions.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

std::vector<index_range> ranges_of(token_positions const& positions) { return {positions.begin(), positions.end()}; }

constexpr std::size_t longest = 40;

/// Random ranges, added one by one, and the same as one flag a position.
struct random_positions {
  token_positions positions;
  std::vector<bool> flags = std::vector<bool>(longest);
};

random_positions draw_positions(support::numbers& draw) {
  random_positions drawn;
  for (auto ranges = draw.below(6); ranges-- > 0;) {
    auto const first = draw.below(longest);
    auto const last = first + draw.below(std::min<std::size_t>(6, longest - first));
    drawn.positions.insert({first, last});
    for (auto position = first; position <= last; ++position) drawn.flags[position] = true;
  }
  return drawn;
}

}  // namespace

TEST_CASE("token_positions: ranges that overlap or touch become one, others stay apart and sorted") {
  CHECK(ranges_of({{3, 5}, {6, 8}}) == std::vector<index_range>{{3, 8}});
  CHECK(ranges_of({{6, 8}, {3, 5}}) == std::vector<index_range>{{3, 8}});
  CHECK(ranges_of({{3, 5}, {7, 8}}) == std::vector<index_range>{{3, 5}, {7, 8}});
  CHECK(ranges_of({{9, 9}, {0, 0}, {4, 4}}) == std::vector<index_range>{{0, 0}, {4, 4}, {9, 9}});
  CHECK(ranges_of({{0, 0}, {2, 2}, {4, 4}, {1, 3}}) == std::vector<index_range>{{0, 4}});
  CHECK(ranges_of({{2, 9}, {4, 5}}) == std::vector<index_range>{{2, 9}});
  CHECK(token_positions{}.empty());
}

TEST_CASE("token_positions: the same positions are equal, however they were given") {
  CHECK(token_positions{{1, 4}} == token_positions{{3, 4}, {1, 1}, {2, 2}});
  CHECK(token_positions{{1, 4}} != token_positions{{1, 3}});
}

TEST_CASE("token_positions: are printed as sentences write them") {
  CHECK(print(token_positions{{3, 5}, {9, 9}}) == "3-5,9");
  CHECK(print(token_positions{}).empty());
}

TEST_CASE("token_positions: hold the union of what was inserted, as sorted ranges that do not touch") {
  support::numbers draw{2};
  for (int round = 0; round < 500; ++round) {
    auto const [positions, flags] = draw_positions(draw);
    std::vector<bool> held(longest);
    for (auto const range : positions)
      for (auto position = range.first; position <= range.last; ++position) held[position] = true;
    REQUIRE(held == flags);
    auto const ranges = ranges_of(positions);
    for (std::size_t i = 1; i < ranges.size(); ++i) REQUIRE(ranges[i - 1].last + 1 < ranges[i].first);
  }
}

TEST_CASE("token_positions: a row shows the positions that lie in its window, at their place in it") {
  support::numbers draw{3};
  for (int round = 0; round < 500; ++round) {
    auto const [positions, flags] = draw_positions(draw);
    auto const first = draw.below(longest + 5);
    auto const keys = draw.below(longest + 5);
    std::vector<bool> seen(keys);
    positions.for_each_in_row(first, keys, [&](std::size_t begin, std::size_t end) {
      REQUIRE(begin < end);
      REQUIRE(end <= keys);
      for (auto key = begin; key < end; ++key) seen[key] = true;
    });
    for (std::size_t key = 0; key < keys; ++key) {
      bool const expected = first + key < longest && flags[first + key];
      REQUIRE(seen[key] == expected);
    }
  }
}

TEST_CASE("token_positions: the largest position neither wraps around nor touches position 0") {
  auto const largest = std::numeric_limits<std::size_t>::max();
  token_positions const positions{{largest, largest}, {0, 0}};
  CHECK(ranges_of(positions) == std::vector<index_range>{{0, 0}, {largest, largest}});
  int calls = 0;
  token_positions{{5, largest}}.for_each_in_row(0, 10, [&](std::size_t begin, std::size_t end) {
    ++calls;
    CHECK(begin == 5);
    CHECK(end == 10);
  });
  CHECK(calls == 1);
}

TEST_CASE("token_positions: a row without keys shows none") {
  token_positions{{0, 5}}.for_each_in_row(0, 0, [](std::size_t, std::size_t) { FAIL("called"); });
}
