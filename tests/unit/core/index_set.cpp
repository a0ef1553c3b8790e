#include <cstddef>
#include <iterator>
#include <set>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_set.hpp>
#include <headcount/core/index_set.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

template <class Set>
std::vector<std::size_t> members_of(Set const& set) {
  return {set.begin(), set.end()};
}

}  // namespace

static_assert(std::forward_iterator<head_set::iterator>);
static_assert(std::is_trivially_copyable_v<head_set>);
static_assert(head_set::capacity() == 256);
static_assert(sizeof(head_set) == 256 / 8);
static_assert(head_set::first(3).size() == 3 && head_set{}.empty(), "sets work in constant expressions");

TEST_CASE("index_set: members are walked from the lowest to the highest, whatever order they came in") {
  head_set set;
  for (std::size_t const index : {255, 64, 0, 128, 63, 127, 64}) set.insert(index);
  CHECK(members_of(set) == std::vector<std::size_t>{0, 63, 64, 127, 128, 255});
  CHECK(set.size() == 6);
}

TEST_CASE("index_set: an empty set has no members and ends where it begins") {
  head_set const set;
  CHECK(set.begin() == set.end());
  CHECK(set.empty());
  CHECK(set.size() == 0);
  for (std::size_t const index : {0, 63, 64, 255}) CHECK_FALSE(set.contains(index));
}

TEST_CASE("index_set: the first and last index of each word come and go alone") {
  for (std::size_t const index : {0, 63, 64, 127, 128, 191, 192, 255}) {
    CAPTURE(index);
    head_set set;
    set.insert(index);
    CHECK(members_of(set) == std::vector{index});
    CHECK_FALSE(set.empty());
    for (std::size_t other = 0; other < set.capacity(); ++other) CHECK(set.contains(other) == (other == index));
    set.erase(index);
    CHECK(set == head_set{});
  }
}

TEST_CASE("index_set: first(n) is {0, ..., n - 1}") {
  for (std::size_t const count : {0, 1, 63, 64, 65, 255, 256}) {
    auto const set = head_set::first(count);
    CHECK(set.size() == count);
    std::size_t next = 0;
    for (auto const member : set) CHECK(member == next++);
    CHECK(next == count);
  }
}

TEST_CASE("index_set: sets are equal when their members are, however they were made") {
  auto set = head_set::first(4);
  set.erase(1);
  set.erase(1);
  head_set other;
  for (std::size_t const index : {3, 2, 0}) other.insert(index);
  CHECK(set == other);
  other.insert(200);
  CHECK(set != other);
}

TEST_CASE("index_set: behaves as std::set under random insertions and removals") {
  support::numbers draw{1};
  index_set<128> set;
  std::set<std::size_t> expected;
  for (int step = 0; step < 2000; ++step) {
    auto const index = draw.below(set.capacity());
    if (draw.below(2) == 0) set.insert(index), expected.insert(index);
    else set.erase(index), expected.erase(index);
    REQUIRE(set.size() == expected.size());
    REQUIRE(members_of(set) == std::vector<std::size_t>(expected.begin(), expected.end()));
  }
}

TEST_CASE("index_set: what is in both and in either of two sets") {
  head_set a, b;
  for (std::size_t const index : {0, 63, 64, 200}) a.insert(index);
  for (std::size_t const index : {63, 65, 200, 255}) b.insert(index);
  CHECK(members_of(a & b) == std::vector<std::size_t>{63, 200});
  CHECK(members_of(a | b) == std::vector<std::size_t>{0, 63, 64, 65, 200, 255});
  CHECK((a & head_set{}).empty());
  CHECK((a | head_set{}) == a);
}

TEST_CASE("index_set: an iterator's postfix step returns where it stood") {
  auto const set = head_set::first(2);
  auto it = set.begin();
  CHECK(*it++ == 0);
  CHECK(*it == 1);
  CHECK(++it == set.end());
}
