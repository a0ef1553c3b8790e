#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <headcount/core/index_range.hpp>
#include <headcount/core/text.hpp>

using namespace headcount;

TEST_CASE("index_range: N and N-M are read, both ends included") {
  CHECK(parse_index_range("0") == index_range{0, 0});
  CHECK(parse_index_range("7") == index_range{7, 7});
  CHECK(parse_index_range("5-7") == index_range{5, 7});
  CHECK(parse_index_range("5-5") == index_range{5, 5});
  CHECK(parse_index_range("007-0010") == index_range{7, 10});
}

TEST_CASE("index_range: anything else is no range") {
  for (std::string_view const text : {"",   "-",  "5-",   "-5",   "7-5", "5--7", "5-7-9", "5-7x", "x",   "5x",
                                      " 5", "5 ", "5 -7", "5- 7", "+5",  "5-+7", "5.0",   "0x5",  "5,7", "1e3"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_index_range(text));
  }
}

TEST_CASE("index_range: the largest index is read, one more is no range") {
  auto const largest = std::numeric_limits<std::size_t>::max();
  auto const digits = std::to_string(largest);
  auto more = digits;
  ++more.back();  // 2^64 - 1 and 2^32 - 1 both end in 5
  CHECK(parse_index_range(digits) == index_range{largest, largest});
  CHECK(parse_index_range("0-" + digits) == index_range{0, largest});
  CHECK_FALSE(parse_index_range(more));
  CHECK_FALSE(parse_index_range("0-" + more));
  CHECK_FALSE(parse_index_range("99999999999999999999999999"));
}

TEST_CASE("index_range: what is printed reads back") {
  CHECK(print(index_range{3, 3}) == "3");
  CHECK(print(index_range{3, 5}) == "3-5");
  for (std::size_t first = 0; first < 12; ++first)
    for (std::size_t last = first; last < 12; ++last)
      CHECK(parse_index_range(print(index_range{first, last})) == index_range{first, last});
}
