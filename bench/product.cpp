// Question: what does a linear map of stored bfloat16 weights cost for a few tokens, beside just reading the weights?

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/text.hpp>
#include <headcount/reference/block/linear.hpp>

#include "read.hpp"

namespace {

using namespace headcount;

/// Maps of one shape, one after the other, so that weights come from memory.
struct maps {
  static constexpr std::size_t out = 7680, in = 2560, count = 6;
  std::vector<float> pairs = bench::random_values(count * out * in / 2);  // of bfloat16, each float two
  std::size_t next = 0;

  std::span<float const> take() { return std::span{pairs}.subspan(next++ % count * out * in / 2, out * in / 2); }

  float multiply(reference::matrix const& x) {
    reference::linear map;
    map.weight = {.type = reference::dtype::bfloat16, .data = std::as_bytes(take()).data(), .shape = {out, in}};
    return apply(map, x)(0, 0);
  }
  /// A row of weights at a time made floats, which Eigen multiplies.
  float multiply_widened(reference::matrix const& x) {
    reference::linear map;
    map.weight = {.type = reference::dtype::bfloat16, .data = std::as_bytes(take()).data(), .shape = {out, in}};
    reference::matrix y(x.rows(), reference::index(out)), buffer;
    for (std::size_t row = 0; row < out; row += 4)
      y.middleCols(reference::index(row), 4).noalias() = x * widened_rows(map, row, 4, buffer).transpose();
    return y(0, 0);
  }
};

int const registered = [] {
  auto const one = std::make_shared<maps>();
  for (std::size_t const tokens : {1, 4, 16}) {
    auto const group = text_of("bfloat16 7680 x 2560, ", tokens, tokens == 1 ? " token" : " tokens");
    reference::matrix const x = reference::matrix::Random(reference::index(tokens), reference::index(maps::in));
    bench::measure(group, "read", [one] { return bench::read(one->take()); });
    bench::measure(group, "linear map", [one, x] { return one->multiply(x); });
    bench::measure(group, "widened, then Eigen", [one, x] { return one->multiply_widened(x); });
  }
  return 0;
}();

}  // namespace
