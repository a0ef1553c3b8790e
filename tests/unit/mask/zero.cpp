#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/mask/mask.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/select/top_k.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>

using namespace headcount;

namespace {

struct not_noexcept {
  static constexpr std::string_view name = "not_noexcept";
  void operator()(output_view) const {}
};
struct takes_spans_only {
  static constexpr std::string_view name = "takes_spans_only";
  void operator()(std::span<float>) const noexcept {}
};

static_assert(output_mask<mask::zero> && output_mask<support::constant>);
static_assert(!output_mask<not_noexcept> && !output_mask<takes_spans_only> && !output_mask<score::entropy> &&
              !output_mask<select::top_k>);

}  // namespace

TEST_CASE("zero: every number of the output becomes 0, NaN and infinity too") {
  std::vector values{1.0f, -2.0f, static_cast<float>(support::not_a_number), static_cast<float>(support::infinity)};
  mask::zero{}(std::span{values});
  CHECK(values == std::vector<float>(4, 0.0f));
  CHECK_FALSE(std::signbit(values[1]));
}

TEST_CASE("zero: an output a stride apart leaves what lies between alone, in floats and doubles") {
  std::array<double, 6> memory{1, 2, 3, 4, 5, 6};
  mask::zero{}(strided_view<double, 1>{memory.data(), {3}, {2}});
  CHECK(memory == std::array<double, 6>{0, 2, 0, 4, 0, 6});
}

TEST_CASE("zero: an output without numbers is left as it is") { mask::zero{}(std::span<float>{}); }
