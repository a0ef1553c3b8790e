#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/block/key_value_cache.hpp>

#include "../support/numbers.hpp"

using headcount::reference::key_value_cache;

namespace {

/// The plain form of a cache: one vector a token, nothing forgotten.
struct plain_cache {
  std::size_t heads, dim;
  std::vector<std::vector<float>> keys{}, values{};

  void append_to(key_value_cache& cache, test::numbers& random) {
    keys.push_back(random.list(heads * dim));
    values.push_back(random.list(heads * dim));
    cache.append(keys.back(), values.back());
  }

  /// Whether the views of [begin, begin + count) hold what was appended.
  [[nodiscard]] bool equals(key_value_cache const& cache, std::size_t begin, std::size_t count) const {
    auto const key_view = cache.keys(begin, count);
    auto const value_view = cache.values(begin, count);
    if (key_view.extent(0) != count || key_view.extent(1) != heads || key_view.extent(2) != dim) return false;
    if (value_view.extent(0) != count || value_view.extent(1) != heads || value_view.extent(2) != dim) return false;
    for (std::size_t at = 0; at < count; ++at)
      for (std::size_t head = 0; head < heads; ++head)
        for (std::size_t i = 0; i < dim; ++i)
          if (key_view(at, head, i) != keys[begin + at][head * dim + i] ||
              value_view(at, head, i) != values[begin + at][head * dim + i])
            return false;
    return true;
  }
};

}  // namespace

TEST_CASE("key_value_cache: views hold what was appended while it grows") {
  for (std::size_t const heads : {1u, 3u}) {
    test::numbers random{1};
    plain_cache plain{heads, 5};
    key_value_cache cache{heads, 5};
    CHECK(cache.size() == 0);
    CHECK(cache.bytes() == 0);
    for (std::size_t count = 1; count <= 70; ++count) {
      plain.append_to(cache, random);
      REQUIRE(cache.size() == count);
      REQUIRE(cache.first() == 0);
      CHECK(plain.equals(cache, 0, count));
      CHECK(plain.equals(cache, count / 2, count - count / 2));
    }
    CHECK(cache.bytes() >= 2 * 70 * heads * 5 * sizeof(float));
  }
}

TEST_CASE("key_value_cache: consecutive keys of a feature lie side by side and so do a value's features") {
  test::numbers random{2};
  plain_cache plain{2, 4};
  key_value_cache cache{2, 4};
  for (int i = 0; i < 20; ++i) plain.append_to(cache, random);
  CHECK(cache.keys(3, 10).stride(0) == 1);
  CHECK(cache.values(3, 10).stride(2) == 1);
}

TEST_CASE("key_value_cache: trimming keeps the last keys of the window and forgets no position") {
  for (std::size_t const window : {1u, 2u, 7u, 40u}) {
    CAPTURE(window);
    test::numbers random{3};
    plain_cache plain{2, 3};
    key_value_cache cache{2, 3};
    std::size_t largest = 0;
    for (std::size_t count = 1; count <= 200; ++count) {
      plain.append_to(cache, random);
      cache.trim(window);
      auto const seen = std::min(window, count);
      REQUIRE(cache.first() + cache.size() == count);
      REQUIRE(cache.first() <= count - seen);
      CHECK(plain.equals(cache, count - seen, seen));
      CHECK(plain.equals(cache, cache.first(), cache.size()));
      CHECK(cache.size() < 2 * window);
      largest = std::max(largest, cache.bytes());
    }
    CHECK(largest <= 2 * 6 * sizeof(float) * std::max<std::size_t>(4 * window, 16));  // memory does not grow with time
  }
}

TEST_CASE("key_value_cache: a long append before a trim loses nothing that the window holds") {
  test::numbers random{4};
  plain_cache plain{1, 2};
  key_value_cache cache{1, 2};
  for (int i = 0; i < 50; ++i) plain.append_to(cache, random);
  cache.trim(8);
  CHECK(cache.first() == 42);
  CHECK(cache.size() == 8);
  CHECK(plain.equals(cache, 42, 8));
  for (int i = 0; i < 50; ++i) plain.append_to(cache, random);
  CHECK(cache.first() == 42);
  CHECK(plain.equals(cache, 42, 58));
}

TEST_CASE("key_value_cache: a copy is a fork") {
  test::numbers random{5};
  plain_cache plain{2, 3};
  key_value_cache cache{2, 3};
  for (int i = 0; i < 16; ++i) plain.append_to(cache, random);
  auto plain_copy = plain;
  auto copy = cache;
  plain_copy.append_to(copy, random);
  plain.append_to(cache, random);
  copy.trim(4);
  CHECK(plain.equals(cache, 0, 17));
  CHECK(plain_copy.equals(copy, 13, 4));
  CHECK(!plain.equals(copy, 13, 4));
}
