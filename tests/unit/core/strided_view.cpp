#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <ranges>
#include <span>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/strided_view.hpp>

using namespace headcount;

static_assert(std::random_access_iterator<strided_iterator<float>>);
static_assert(std::random_access_iterator<strided_iterator<float const>>);
static_assert(std::ranges::random_access_range<strided_view<float, 1>>);
static_assert(std::ranges::sized_range<strided_view<double const, 1>>);
static_assert(!std::ranges::range<strided_view<float, 2>>);
static_assert(std::is_trivially_copyable_v<strided_view<float, 4>>);

static_assert(std::convertible_to<strided_view<float, 2>, strided_view<float const, 2>>);
static_assert(!std::convertible_to<strided_view<float const, 2>, strided_view<float, 2>>);
static_assert(std::convertible_to<std::span<float>, strided_view<float const, 1>>);
static_assert(!std::convertible_to<std::span<float const>, strided_view<float, 1>>);
static_assert(!std::convertible_to<std::span<double>, strided_view<float, 1>>);
static_assert(!std::invocable<strided_view<float, 3>, int, int>, "one index an axis");

static_assert(attention_row<std::span<float const>> && attention_row<std::vector<float>>);
static_assert(attention_row<std::array<double, 3>> && attention_row<strided_view<float const, 1>>);
static_assert(!attention_row<float> && !attention_row<std::vector<float*>> && !attention_row<strided_view<float, 2>>);

namespace {

std::vector<int> counting(std::size_t count) {
  std::vector<int> values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

}  // namespace

TEST_CASE("strided_view: packed elements lie in row-major order") {
  auto memory = counting(2 * 3 * 4);
  strided_view<int, 3> const view{memory.data(), {2, 3, 4}};
  CHECK(view.stride(0) == 12);
  CHECK(view.stride(1) == 4);
  CHECK(view.stride(2) == 1);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 4; ++k) {
        CHECK(view(i, j, k) == static_cast<int>(12 * i + 4 * j + k));
        CHECK(&view[i][j][k] == &view(i, j, k));
      }
}

TEST_CASE("strided_view: axes in another order are only other strides") {
  auto memory = counting(2 * 3 * 4);
  strided_view<int, 3> const view{memory.data(), {4, 2, 3}, {1, 12, 4}};
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        CHECK(view(k, i, j) == static_cast<int>(12 * i + 4 * j + k));
        CHECK(&view[k][i][j] == &view(k, i, j));
      }
}

TEST_CASE("strided_view: one index of the slowest axis leaves the other axes") {
  auto memory = counting(12);
  strided_view<int, 2> const view{memory.data(), {3, 4}};
  auto const row = view[2];
  static_assert(std::same_as<decltype(row), strided_view<int, 1> const>);
  CHECK(row.size() == 4);
  CHECK(row.stride(0) == 1);
  row[1] = -1;
  CHECK(memory[9] == -1);
}

TEST_CASE("strided_view: a slice shares memory and keeps strides") {
  auto memory = counting(12);
  strided_view<int, 2> const columns{memory.data(), {4, 3}, {1, 4}};
  auto const slice = columns.slice(1, 2);
  CHECK(slice.extent(0) == 2);
  CHECK(slice.extent(1) == 3);
  CHECK(&slice(0, 0) == &memory[1]);
  CHECK(&slice(1, 2) == &memory[2 + 8]);
  CHECK(columns.slice(4, 0).extent(0) == 0);
}

TEST_CASE("strided_view: rank 1 is a random-access range over elements a stride apart") {
  auto memory = counting(12);
  strided_view<int, 1> const column{memory.data() + 1, {4}, {3}};
  CHECK(std::vector<int>(column.begin(), column.end()) == std::vector<int>{1, 4, 7, 10});
  CHECK(std::ranges::distance(column) == 4);
  auto const it = column.begin();
  CHECK(*(it + 2) == 7);
  CHECK(*(2 + it) == 7);
  CHECK(it[3] == 10);
  CHECK((it + 3) - it == 3);
  CHECK(it < it + 1);
  CHECK(*--(it + 1) == 1);
  CHECK(*(column.end() - 1) == 10);
  std::ranges::sort(column, std::ranges::greater{});
  CHECK(memory[1] == 10);
  CHECK(memory[10] == 1);
  CHECK(memory[2] == 2);
}

TEST_CASE("strided_view: iterators step after and before as their operators say") {
  auto memory = counting(6);
  strided_view<int, 1> const even{memory.data(), {3}, {2}};
  auto it = even.begin();
  CHECK(*it++ == 0);
  CHECK(*it-- == 2);
  CHECK(*it == 0);
  CHECK(*(it += 2) == 4);
  CHECK(*(it -= 1) == 2);
  CHECK(it.operator->() == &memory[2]);
}

TEST_CASE("strided_view: a negative stride walks memory backwards") {
  auto memory = counting(4);
  strided_view<int, 1> const backwards{memory.data() + 3, {4}, {-1}};
  CHECK(std::vector<int>(backwards.begin(), backwards.end()) == std::vector<int>{3, 2, 1, 0});
  CHECK_FALSE(backwards.is_contiguous());
}

TEST_CASE("strided_view: a range of any stride has as many elements as its extent, none when it is 0") {
  int value = 0;
  strided_view<int, 1> const empty{&value, {0}, {5}};
  CHECK(empty.begin() == empty.end());
  strided_view<int, 1> const repeated{&value, {3}, {0}};
  CHECK(std::ranges::distance(repeated) == 3);
}

TEST_CASE("strided_view: elements side by side are a span, fewer than two always are") {
  auto memory = counting(6);
  CHECK(strided_view<int, 1>{memory.data(), {6}}.is_contiguous());
  CHECK_FALSE(strided_view<int, 1>{memory.data(), {3}, {2}}.is_contiguous());
  CHECK(strided_view<int, 1>{memory.data(), {1}, {7}}.is_contiguous());
  auto const span = strided_view<int, 1>{std::span{memory}}.as_span();
  CHECK(span.data() == memory.data());
  CHECK(span.size() == 6);
}

TEST_CASE("strided_view: a view that writes becomes one that reads, of the same elements") {
  auto memory = counting(6);
  strided_view<int, 2> const writes{memory.data(), {2, 3}, {1, 2}};
  strided_view<int const, 2> const reads = writes;
  CHECK(&reads(1, 2) == &writes(1, 2));
  CHECK(reads.extent(1) == 3);
  CHECK(reads.stride(1) == 2);
  CHECK(reads.data() == memory.data());
}
