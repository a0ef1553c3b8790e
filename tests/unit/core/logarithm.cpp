#include <algorithm>
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include <headcount/core/logarithm.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

double error_at(float x) {
  return support::distance(static_cast<double>(log2_of_positive(x)), std::log2(static_cast<double>(x)));
}

}  // namespace

TEST_CASE("log2_of_positive: powers of 2 are exact") {
  for (int exponent = -126; exponent <= 127; ++exponent)
    CHECK(log2_of_positive(std::ldexp(1.0f, exponent)) == static_cast<float>(exponent));
}

TEST_CASE("log2_of_positive: is within 2e-7 of std::log2 in double, relative, over all normal floats") {
  support::numbers draw{5};
  double worst = 0;
  for (int i = 0; i < 200000; ++i)
    worst = std::max(worst, error_at(static_cast<float>(std::exp2(draw.between(-126, 127.9)))));
  CHECK(worst < 2e-7);
  CHECK(error_at(std::numeric_limits<float>::max()) < 2e-7);
  CHECK(error_at(std::numeric_limits<float>::min()) < 2e-7);
}

TEST_CASE("log2_of_positive: is within 2e-7 around 1 and where its two halves meet") {
  for (float const middle : {1.0f, 0.70710678f, 1.41421356f}) {
    double worst = 0;
    float above = middle;
    float below = middle;
    for (int step = 0; step < 5000; ++step) {
      worst = std::max({worst, error_at(above), error_at(below)});
      above = std::nextafter(above, 2.0f);
      below = std::nextafter(below, 0.0f);
    }
    CHECK(worst < 2e-7);
  }
}
