// RMSNorm, gate functions, the gated MLP and experts: what happens to each token alone.

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/block/activation.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/block/norm.hpp>

#include "../support/float64.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

test::rows each(matrix const& x, auto const& one) {
  test::rows y;
  for (auto const& token : test::rows_of(x)) y.push_back(one(token));
  return y;
}

}  // namespace

TEST_CASE("norm: every token is scaled to unit mean square times the gain") {
  test::tensors from{1};
  for (float const offset : {0.0f, 1.0f}) {
    auto const norm = take_norm(from, "norm", 13, 1e-3f, offset);
    auto const x = test::numbers{2}.matrix(9, 13);
    auto const exact = each(x, [&](test::row const& token) {
      return test::slow::norm(from["norm.weight"], static_cast<double>(offset), static_cast<double>(norm.epsilon),
                              token);
    });
    CHECK(test::distance(apply(norm, x), exact) < 2e-6);
  }
}

TEST_CASE("norm: zeros stay zeros and huge values do not overflow before their square does") {
  rms_norm const norm{.gain = {1, 1, 1, 1}, .epsilon = 1e-6f};
  CHECK(test::distance(apply(norm, matrix{matrix::Zero(2, 4)}), test::rows(2, test::row(4, 0.0))) == 0);
  CHECK(test::distance(apply(norm, matrix{matrix::Constant(1, 4, -1e18f)}), test::rows(1, test::row(4, -1.0))) < 1e-6);
}

TEST_CASE("activation: gate functions agree with float64 from -50 to 50 and stay finite beyond") {
  matrix grid(1, 2001);
  for (int i = 0; i <= 2000; ++i) grid(0, i) = static_cast<float>(i - 1000) / 20;
  struct function {
    activation fast;
    double (*slow)(double);
  };
  for (auto const [fast, slow] :
       {function{activation::gelu_tanh, test::slow::gelu}, {activation::silu, test::slow::silu}}) {
    auto values = grid;
    apply(fast, values);
    for (int i = 0; i <= 2000; ++i) {
      auto const exact = slow(static_cast<double>(grid(0, i)));
      CHECK(std::fabs(static_cast<double>(values(0, i)) - exact) <= 1e-6 * std::max(1.0, std::fabs(exact)));
    }
    matrix far(1, 2);
    far << 1000.0f, -1000.0f;
    apply(fast, far);
    CHECK(far(0, 0) == 1000.0f);
    CHECK(std::fabs(far(0, 1)) < 1e-6f);
  }
}

TEST_CASE("activation: softplus agrees with float64 and does not overflow") {
  for (float x = -30; x <= 30; x += 0.37f)
    CHECK(static_cast<double>(softplus(x)) ==
          doctest::Approx(std::log1p(std::exp(static_cast<double>(x)))).epsilon(1e-6));
  CHECK(softplus(1000.0f) == 1000.0f);
  CHECK(softplus(-1000.0f) == 0.0f);
}

TEST_CASE("mlp: a gated MLP agrees with float64 under both gate functions") {
  auto config = test::small_jamba();
  for (auto const function : {activation::silu, activation::gelu_tanh}) {
    config.function = function;
    test::tensors from{3};
    auto const block = make_mlp(config, from, "mlp.");
    auto const x = test::numbers{4}.matrix(19, config.width);
    auto const slow_function =
        function == activation::silu ? test::slow::gate_function::silu : test::slow::gate_function::gelu;
    auto const exact =
        each(x, [&](test::row const& token) { return test::slow::mlp(from, "mlp.", slow_function, token); });
    CHECK(test::distance(apply(block, x), exact) < 2e-6);
  }
}

TEST_CASE("experts: any number of chosen experts agrees with float64") {
  auto config = test::small_jamba();
  config.experts = 5;
  for (std::size_t chosen = 1; chosen <= 5; ++chosen) {
    CAPTURE(chosen);
    config.chosen_experts = chosen;
    test::tensors from{5};
    auto const block = make_experts(config, from, "moe.");
    auto const x = test::numbers{6}.matrix(40, config.width);
    auto const exact = each(x, [&](test::row const& token) {
      return test::slow::experts(from, "moe.", chosen, test::slow::gate_function::silu, token);
    });
    CHECK(test::distance(apply(block, x), exact) < 2e-6);
  }
}

TEST_CASE("experts: equal probabilities choose the lowest indices and are not renormalised") {
  auto config = test::small_jamba();
  config.experts = 4;
  config.chosen_experts = 2;
  test::tensors from{7};
  auto block = make_experts(config, from, "moe.");
  std::vector<float> const zeros(4 * config.width);
  block.router.weight = {.data = reinterpret_cast<std::byte const*>(zeros.data()), .shape = {4, config.width}};
  auto const x = test::numbers{8}.matrix(3, config.width);
  matrix const expected = 0.25f * (apply(block.members[0], x) + apply(block.members[1], x));
  CHECK(test::distance(apply(block, x), expected) < 1e-6);
}

TEST_CASE("experts: a token's outputs do not depend on the tokens beside it beyond rounding") {
  auto const config = test::small_jamba();
  test::tensors from{9};
  auto const block = make_experts(config, from, "moe.");
  auto const x = test::numbers{10}.matrix(25, config.width);
  auto const together = apply(block, x);
  for (std::size_t token = 0; token < 25; ++token)
    CHECK(test::distance(apply(block, test::slice(x, token, 1)), test::slice(together, token, 1)) < 1e-6);
}
