#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random.hpp>
#include <headcount/score/random.hpp>

using namespace headcount;

TEST_CASE("random: the mixing of bits is SplitMix64's, whose published first output for seed 0 is e220a8397b1dcdaf") {
  CHECK(mix_bits(0) == 0xe220a8397b1dcdafu);
  CHECK(mix_bits(1) == 0x910a2dec89025cc1u);
  CHECK(mix_bits(std::numeric_limits<std::uint64_t>::max()) == 0xe4d971771b652c20u);
}

TEST_CASE("random: numbers are the same on every platform (computed apart, with whole numbers in Python)") {
  auto const largest = std::numeric_limits<std::uint64_t>::max();
  CHECK(uniform_number(0, {}, 0) == 0x1.e2b96a69ad7f4p-2);
  CHECK(uniform_number(7, {}, 0) == 0x1.73312f69ad550p-5);
  CHECK(uniform_number(0, {.layer = 2}, 0) == 0x1.95edc8b085410p-3);
  CHECK(uniform_number(0, {.sequence_id = 1}, 0) == 0x1.e7753b3d66070p-3);
  CHECK(uniform_number(0, {.position = 4095}, 0) == 0x1.91d7c52f0bce1p-1);
  CHECK(uniform_number(0, {}, 9) == 0x1.d90043c7d6c85p-1);
  CHECK(uniform_number(largest, {.layer = 31, .sequence_id = 3, .position = 1234567}, 255) == 0x1.a9e7d46712ad4p-1);
  static_assert(uniform_number(0, {}, 0) == 0x1.e2b96a69ad7f4p-2, "it works in constant expressions");
}

TEST_CASE("random: any other seed, layer, row, position or head draws another number") {
  std::set<double> drawn;
  std::size_t count = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed)
    for (std::size_t layer = 0; layer < 6; ++layer)
      for (std::size_t row = 0; row < 6; ++row)
        for (std::size_t position = 0; position < 6; ++position)
          for (std::size_t head = 0; head < 6; ++head, ++count)
            drawn.insert(uniform_number(seed, {.layer = layer, .sequence_id = row, .position = position}, head));
  CHECK(drawn.size() == count);
}

TEST_CASE("random: the phase, the number of heads and the group do not matter") {
  site const where{.layer = 3, .phase = phase::prefill, .sequence_id = 1, .position = 17, .heads = 8, .group = 1};
  auto other = where;
  other.phase = phase::generation;
  other.heads = 16;
  other.group = 4;
  for (std::size_t head = 0; head < 8; ++head) CHECK(uniform_number(5, where, head) == uniform_number(5, other, head));
}

TEST_CASE("random: numbers are spread evenly over the unit interval") {
  constexpr std::size_t bins = 20;
  constexpr std::size_t draws = 20000;
  std::array<std::size_t, bins> counts{};
  double sum = 0;
  for (std::size_t i = 0; i < draws; ++i) {
    auto const number = uniform_number(1, {.layer = i % 7, .position = i / 40}, i % 40);
    REQUIRE(number >= 0);
    REQUIRE(number < 1);
    ++counts[static_cast<std::size_t>(number * bins)];
    sum += number;
  }
  double chi_square = 0;
  for (auto const count : counts) {
    double const off = static_cast<double>(count) - 1.0 * draws / bins;
    chi_square += off * off / (1.0 * draws / bins);
  }
  CHECK(chi_square < 43.8);  // 99.9% of chi square with 19 degrees of freedom
  CHECK(std::abs(sum / draws - 0.5) < 4 * std::sqrt(1.0 / 12 / draws));
}

TEST_CASE("random: neighbouring heads draw independently") {
  constexpr std::size_t draws = 20000;
  double covariance = 0;
  for (std::size_t i = 0; i < draws; ++i)
    covariance += (uniform_number(2, {.position = i}, 0) - 0.5) * (uniform_number(2, {.position = i}, 1) - 0.5);
  CHECK(std::abs(covariance / draws * 12) < 4 / std::sqrt(1.0 * draws));
}

TEST_CASE("score::random: a head's score is the uniform number of its seed and site") {
  site const where{.layer = 31, .sequence_id = 3, .position = 1234567, .heads = 256};
  CHECK(score::random{std::numeric_limits<std::uint64_t>::max()}(where, 255) == 0x1.a9e7d46712ad4p-1);
  CHECK(score::random{}({}, 0) == 0x1.e2b96a69ad7f4p-2);
}
