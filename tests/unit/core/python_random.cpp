#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/python_random.hpp>

using namespace headcount;

TEST_CASE("python_random: the numbers that CPython draws") {
  python_random random{1234};
  CHECK(random.sample(10, 3) == std::vector<std::size_t>{7, 1, 0});
  CHECK(random.sample(100, 3) == std::vector<std::size_t>{11, 74, 4});
  CHECK(random.sample(1000, 7) == std::vector<std::size_t>{687, 709, 85, 100, 784, 363, 242});
  CHECK(random.sample(21, 5) == std::vector<std::size_t>{0, 20, 19, 11, 15});
  CHECK(random.sample(22, 5) == std::vector<std::size_t>{19, 14, 4, 2, 5});
  CHECK(random.sample(86, 6) == std::vector<std::size_t>{14, 1, 64, 62, 31, 8});
  CHECK(random.sample(85, 6) == std::vector<std::size_t>{69, 59, 8, 76, 11, 65});
  CHECK(python_random{(1ull << 40) + 7}.sample(500, 6) == std::vector<std::size_t>{314, 382, 417, 480, 483, 327});
}
