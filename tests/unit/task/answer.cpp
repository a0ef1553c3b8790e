// task/answer.hpp: a choice is right or wrong only where all likelihoods are numbers.

#include <headcount/task/answer.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

using namespace headcount::v0::evaluate;

TEST_CASE("answer: what is not finite has no best choice, and is neither right nor wrong") {
  std::vector<likelihood> found{{.nats = -2.0}, {.nats = -1.0}};
  CHECK(all_finite(found));
  CHECK(rightness(found, 1, 1) == 1.0);
  CHECK(rightness(found, 0, 1) == 0.0);
  for (auto const wrong : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
    found[0].nats = wrong;
    CHECK_FALSE(all_finite(found));
    CHECK(std::isnan(rightness(found, 1, 1)));
  }
}
