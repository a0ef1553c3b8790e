#include <cstddef>
#include <optional>

#include <doctest/doctest.h>

#include <headcount/part/layer_table.hpp>

using namespace headcount;

TEST_CASE("layer_table: gives each layer its number, and none to the layers that it leaves out") {
  layer_table const table{{{4, 6}, 2}, {{0, 0}, 7}, {{9, 9}, 0}};
  for (std::size_t layer = 0; layer < 12; ++layer) {
    auto const expected = layer == 0                 ? std::optional<std::size_t>{7}
                          : layer >= 4 && layer <= 6 ? std::optional<std::size_t>{2}
                          : layer == 9               ? std::optional<std::size_t>{0}
                                                     : std::nullopt;
    CHECK(table.at(layer) == expected);
  }
  CHECK_FALSE(layer_table{}.at(0).has_value());
}

TEST_CASE("layer_table: a layer that has a number takes no other") {
  layer_table table{{{4, 6}, 2}};
  for (auto const taken : {index_range{6, 8}, index_range{0, 4}, index_range{5, 5}, index_range{0, 99}}) {
    CHECK_FALSE(table.insert({taken, 3}));
    CHECK(print(table) == "4-6:2");
  }
  CHECK(table.insert({{7, 8}, 3}));
  CHECK(table.insert({{0, 3}, 3}));
  CHECK(print(table) == "0-3:3,4-6:2,7-8:3");
}

TEST_CASE("layer_table: neighbours with the same number are one entry, in whatever order they come") {
  layer_table const together{{{3, 8}, 1}};
  CHECK(layer_table{{{3, 4}, 1}, {{5, 5}, 1}, {{6, 8}, 1}} == together);
  CHECK(layer_table{{{6, 8}, 1}, {{3, 4}, 1}, {{5, 5}, 1}} == together);
  CHECK(layer_table{{{5, 5}, 1}, {{6, 8}, 1}, {{3, 4}, 1}} == together);
  CHECK(print(layer_table{{{3, 4}, 1}, {{6, 8}, 1}}) == "3-4:1,6-8:1");
  CHECK(print(layer_table{{{3, 4}, 1}, {{5, 8}, 2}}) == "3-4:1,5-8:2");
  CHECK(print(layer_table{}).empty());
}
