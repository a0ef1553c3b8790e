#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/row_sum.hpp>
#include <headcount/core/strided_view.hpp>
#include <support/numbers.hpp>

using namespace headcount;

TEST_CASE("row_sum: adds each term once, whatever the length") {
  for (std::size_t keys = 0; keys <= 70; ++keys) {
    std::vector<float> row(keys);
    std::iota(row.begin(), row.end(), 1.0f);
    auto const n = static_cast<double>(keys);
    CHECK(row_sum(row, [](float value) { return value; }) == n * (n + 1) / 2);
    CHECK(row_sum(row, [](double value) { return value * value; }) == n * (n + 1) * (2 * n + 1) / 6);
  }
}

TEST_CASE("row_sum: adds in double, so that a small term beside a large one is not lost") {
  std::vector<float> row(1000, 1e-3f);
  row[16] = 1e8f;
  auto const expected = 1e8 + 999 * static_cast<double>(1e-3f);
  CHECK(support::distance(row_sum(row, [](float value) { return value; }), expected) < 1e-14);
}

TEST_CASE("row_sum: elements a stride apart are summed as side by side, in the same order") {
  auto const row = support::as<float>(support::numbers{6}.list(100, -1, 1));
  std::vector<float> spread(300);
  for (std::size_t i = 0; i < row.size(); ++i) spread[3 * i] = row[i];
  auto const same = [](float value) { return value; };
  CHECK(row_sum(strided_view<float const, 1>{spread.data(), {100}, {3}}, same) == row_sum(std::span{row}, same));
}
