#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/model/weight_source.hpp>

#include "../support/float64.hpp"
#include "../support/numbers.hpp"
#include "../support/tensors.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

test::row absolute(test::row values) {
  for (auto& value : values) value = std::fabs(value);
  return values;
}

/// The largest error of a linear map's outputs, each relative to the sum of the magnitudes that were added up.
double relative_error(matrix const& y, test::tensors const& from, matrix const& x) {
  auto const inputs = test::rows_of(x);
  double largest = 0;
  for (std::size_t token = 0; token < size(x.rows()); ++token) {
    auto const input = inputs[token];
    auto const exact = test::slow::linear(from, "map", input);
    auto const added =
        test::slow::linear(absolute(from["map.weight"]), absolute(from.bias("map.bias")), absolute(input));
    for (std::size_t out = 0; out < exact.size(); ++out)
      largest =
          std::max(largest, std::fabs(static_cast<double>(y(index(token), index(out))) - exact[out]) / added[out]);
  }
  return largest;
}

}  // namespace

TEST_CASE("linear: every weight format and size and number of tokens agrees with float64") {
  struct extents {
    std::size_t in, out;
  };
  // One tile and several, of one row and of many, none a multiple of a vector register.
  for (auto const [in, out] : {extents{1, 1}, {7, 5}, {65, 97}, {33, 500}, {1501, 101}})
    for (auto const type : {dtype::float32, dtype::bfloat16, dtype::float16})
      for (bool const bias : {false, true}) {
        test::tensors from{static_cast<unsigned>(in + out), type};
        auto const map = take_linear(from, "map", out, in, bias);
        for (std::size_t const tokens : {1u, 16u, 17u, 100u}) {
          if (in > 1000 && tokens == 100) continue;  // slow under sanitizers, and covered by 17
          CAPTURE(in);
          CAPTURE(out);
          CAPTURE(name_of(type));
          CAPTURE(bias);
          CAPTURE(tokens);
          auto const x = test::numbers{3}.matrix(tokens, in);
          auto const y = apply(map, x);
          REQUIRE(size(y.rows()) == tokens);
          REQUIRE(size(y.cols()) == out);
          CHECK(relative_error(y, from, x) < 1e-6);  // 16 roundings to float32
        }
      }
}

TEST_CASE("linear: a token's outputs do not depend on the tokens beside it beyond rounding") {
  test::tensors from{5};
  auto const map = take_linear(from, "map", 40, 30, true);
  auto const x = test::numbers{6}.matrix(33, 30);
  auto const together = apply(map, x);
  for (std::size_t token = 0; token < 33; ++token)
    CHECK(test::distance(apply(map, test::slice(x, token, 1)), test::slice(together, token, 1)) < 1e-6);
}

TEST_CASE("weights: every bfloat16 and float16 pattern widens exactly") {
  std::vector<std::uint16_t> patterns(65536);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  auto const* const memory = reinterpret_cast<std::byte const*>(patterns.data());
  for (auto const type : {dtype::bfloat16, dtype::float16}) {
    weights const all{.type = type, .data = memory, .shape = {256, 256}};
    auto const widened = widen_all(all);
    REQUIRE(widened.size() == 65536);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      double const exact =
          type == dtype::bfloat16 ? test::decode_bfloat16(patterns[i]) : test::decode_float16(patterns[i]);
      auto const found = static_cast<double>(widened[i]);
      bool const same =
          std::isnan(exact) ? std::isnan(found) : found == exact && std::signbit(found) == std::signbit(exact);
      wrong += same ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("weights: part of a tensor widens from where it begins") {
  test::tensors from{7, dtype::float16};
  auto const tensor = from.take("t", {6, 5});
  std::vector<float> part(4);
  widen(tensor, 13, part);
  for (std::size_t i = 0; i < 4; ++i) CHECK(static_cast<double>(part[i]) == from["t"][13 + i]);
}

TEST_CASE("weights: float32 is copied bit by bit even where it is not a number") {
  std::vector<std::uint32_t> const bits{0x7fc12345u, 0xff800000u, 0x00000001u, 0x80000000u};
  auto const copied =
      widen_all({.type = dtype::float32, .data = reinterpret_cast<std::byte const*>(bits.data()), .shape = {4}});
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::bit_cast<std::uint32_t>(copied[i]) == bits[i]);
}

TEST_CASE("weights: sizes follow from the shape") {
  weights const scalar{};
  CHECK(scalar.rows() == 1);
  CHECK(scalar.size() == 1);
  weights const tensor{.shape = {4, 3, 2}};
  CHECK(tensor.rows() == 4);
  CHECK(tensor.row_size() == 6);
  CHECK(tensor.size() == 24);
  weights const nothing{.shape = {4, 0}};
  CHECK(nothing.size() == 0);
  CHECK(bytes_of(dtype::float32) == 4);
  CHECK(bytes_of(dtype::bfloat16) == 2);
  CHECK(bytes_of(dtype::float16) == 2);
  CHECK(name_of(dtype::float32) == "float32");
  CHECK(name_of(dtype::bfloat16) == "bfloat16");
  CHECK(name_of(dtype::float16) == "float16");
}

TEST_CASE("parallel: every index is visited once and the first exception comes out") {
  std::vector<int> visits(100);
  for_each_index(visits.size(), [&](std::size_t index) { ++visits[index]; });
  CHECK(visits == std::vector<int>(100, 1));
  for_each_index(0, [](std::size_t) { FAIL_CHECK("no index below 0"); });
  CHECK_THROWS_WITH_AS(for_each_index(10,
                                      [](std::size_t index) {
                                        if (index == 3) throw std::runtime_error{"three"};
                                      }),
                       "three", std::runtime_error);
}
