// The causal convolution, the RG-LRU and Mamba: blocks with a state.

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/block/convolution.hpp>
#include <headcount/reference/block/mamba.hpp>
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/reference/block/rg_lru.hpp>

#include "../support/float64.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"
#include "../support/pieces.hpp"

using namespace headcount;
using namespace headcount::reference;

TEST_CASE("convolution: whole and in pieces agree with float64 for every width") {
  for (std::size_t const width : {1u, 2u, 4u, 7u})
    for (bool const bias : {false, true}) {
      CAPTURE(width);
      CAPTURE(bias);
      test::tensors from{static_cast<unsigned>(width)};
      causal_convolution block{
          .taps = widen_transposed(from.take("taps", {6, 1, width})), .width = width, .channels = 6};
      if (bias) block.bias = widen_all(from.take("bias", {6}));
      auto const x = test::numbers{2}.matrix(30, 6);
      auto const exact = test::slow::convolve(from["taps"], from.bias("bias"), test::rows_of(x));
      for (auto const& pieces : test::cuts) {
        auto y = x;
        aligned_floats past((width - 1) * 6);
        std::size_t begin = 0;
        for (auto const count : pieces) {
          apply(block, segment{.begin = begin, .count = count, .position = begin}, y, past);
          begin += count;
        }
        CHECK(test::distance(y, exact) < 1e-6);
        CHECK(past == aligned_floats(x.data() + (30 - (width - 1)) * 6, x.data() + 30 * 6));
      }
    }
}

TEST_CASE("convolution: the state of a short sequence still holds the zeros before it") {
  causal_convolution const block{.taps = std::vector<float>(4, 1.0f), .width = 4, .channels = 1};
  aligned_floats past(3);
  matrix x(2, 1);
  x << 5.0f, 7.0f;
  apply(block, segment{.begin = 0, .count = 2, .position = 0}, x, past);
  CHECK(past == aligned_floats{0.0f, 5.0f, 7.0f});
  CHECK(x(0, 0) == 5.0f);
  CHECK(x(1, 0) == 12.0f);
}

TEST_CASE("rg_lru: whole and in pieces agree with float64 from position 0 on") {
  auto const config = test::small_recurrent_gemma();
  test::tensors from{1};
  auto const block = make_rg_lru_block(config, from, "b.");
  auto const x = test::numbers{3}.matrix(30, config.width);
  test::check_state(block, x, test::slow::rg_lru(from, "b.", config.heads, test::rows_of(x)));
}

TEST_CASE("rg_lru: only position 0 takes its input unscaled") {
  // Everything 1 but the input; gates sigmoid(0) = 0.5, decay exp(-8 * 0.5 * rate).
  float const one = 1;
  weights const unit{.data = reinterpret_cast<std::byte const*>(&one), .shape = {1, 1}};
  rg_lru_block const block{.input = {.weight = unit},
                           .gate = {.weight = unit},
                           .output = {.weight = unit},
                           .convolution = {.taps = {1}, .width = 1, .channels = 1},
                           .input_gate = {.weight = {0}, .bias = {0}},
                           .recurrent_gate = {.weight = {0}, .bias = {0}},
                           .rate = {-8 * 0.01f}};
  double const decay = std::exp(-8 * 0.5 * 0.01);
  for (std::size_t const position : {0u, 1u, 9u}) {
    recurrence state = block.empty_state();
    std::array const segments{segment{.begin = 0, .count = 1, .position = position}};
    std::array const states{&state};
    matrix const x = matrix::Constant(1, 1, 2.0f);
    matrix const y = apply(block, x, segments, std::span<recurrence* const>{states}, wanted::all_tokens);
    double const hidden = (position == 0 ? 1 : std::sqrt(1 - decay * decay)) * 0.5 * 2;
    CHECK(static_cast<double>(y(0, 0)) == doctest::Approx(test::slow::gelu(2) * hidden).epsilon(1e-5));
    CHECK(static_cast<double>(state.hidden[0]) == doctest::Approx(hidden).epsilon(1e-5));
  }
}

TEST_CASE("mamba: whole and in pieces agree with float64") {
  auto config = test::small_jamba();
  for (bool const projection_bias : {false, true})
    for (bool const convolution_bias : {false, true}) {
      config.mamba_projection_bias = projection_bias;
      config.mamba_convolution_bias = convolution_bias;
      test::tensors from{5};
      auto const block = make_mamba_block(config, from, "b.");
      CHECK(block.channels() == 40);
      CHECK(block.states() == 5);
      CHECK(from.all().contains("b.in_proj.bias") == projection_bias);
      CHECK(from.all().contains("b.conv1d.bias") == convolution_bias);
      auto const x = test::numbers{6}.matrix(30, config.width);
      test::check_state(block, x,
                        test::slow::mamba(from, "b.", static_cast<double>(config.norm_epsilon), test::rows_of(x)));
    }
}
