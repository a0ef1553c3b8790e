#include <array>
#include <cmath>
#include <span>

#include <doctest/doctest.h>

#include <headcount/engine/logits.hpp>

using namespace headcount::evaluate;

TEST_CASE("logits: of equal logits the lowest token is best") {
  std::array const logits{1.0f, 3.0f, -2.0f, 3.0f};
  CHECK(best_token(logits) == 1);
  CHECK(best_token(std::span{logits}.first(1)) == 0);
  CHECK(best_token(std::span{logits}.last(2)) == 1);
}

TEST_CASE("logits: probabilities do not overflow where exp does") {
  std::array const logits{1000.0f, 1000.0f, 0.0f};
  CHECK(log_sum(logits) == doctest::Approx(1000 + std::log(2.0)).epsilon(1e-12));
  CHECK(log_probability(logits, 0) == doctest::Approx(-std::log(2.0)).epsilon(1e-9));
  CHECK(log_probability(logits, 2) == doctest::Approx(-1000 - std::log(2.0)).epsilon(1e-12));
}
