// kernel/products.hpp, through linear maps of a few tokens: beside float64, and token by token.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/block/linear.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

/// A linear map of numbers that are bfloat16 as well as float32.
struct numbers_of_map {
  std::size_t out, in;
  std::vector<float> floats{};
  std::vector<std::uint16_t> halves{};

  numbers_of_map(std::size_t rows, std::size_t columns) : out{rows}, in{columns} {
    support::numbers draw{out * 1000 + in};
    for (std::size_t i = 0; i < out * in; ++i) {
      auto const bits = std::bit_cast<std::uint32_t>(static_cast<float>(draw.between(-1, 1)));
      halves.push_back(static_cast<std::uint16_t>(bits >> 16));
      floats.push_back(reference::widen(halves.back()));
    }
  }
  [[nodiscard]] reference::linear map(reference::dtype type) const {
    auto const* const data =
        type == reference::dtype::float32 ? static_cast<void const*>(floats.data()) : halves.data();
    return {.weight = {.type = type, .data = static_cast<std::byte const*>(data), .shape = {out, in}}};
  }
};

}  // namespace

TEST_CASE("products: a few tokens times float32 or bfloat16 weights agree with float64, each as if alone") {
  for (auto const& [out, in] : {std::pair<std::size_t, std::size_t>{1, 1}, {7, 5}, {64, 16}, {131, 33}, {600, 48}}) {
    numbers_of_map const numbers{out, in};
    for (std::size_t const tokens : {1, 2, 3, 4, 5, 7, 16}) {
      support::numbers draw{tokens};
      reference::matrix x(reference::index(tokens), reference::index(in));
      for (std::size_t token = 0; token < tokens; ++token)
        for (auto& value : reference::row_of(x, token)) value = static_cast<float>(draw.between(-1, 1));
      reference::matrix const wide = apply(numbers.map(reference::dtype::float32), x);
      reference::matrix const half = apply(numbers.map(reference::dtype::bfloat16), x);
      CHECK(wide == half);
      for (std::size_t token = 0; token < tokens; ++token) {
        reference::matrix const alone = apply(numbers.map(reference::dtype::bfloat16), x.row(reference::index(token)));
        CHECK(alone == half.row(reference::index(token)));
        for (std::size_t row = 0; row < out; ++row) {
          double sum = 0;
          for (std::size_t i = 0; i < in; ++i)
            sum += double{numbers.floats[row * in + i]} * double{reference::row_of(x, token)[i]};
          REQUIRE(std::abs(sum - double{reference::row_of(half, token)[row]}) < 5e-6);
        }
      }
    }
  }
}
