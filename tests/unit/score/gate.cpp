// gate.hpp and gated_output_norm.hpp.

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/site.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/gate.hpp>
#include <headcount/score/gated_output_norm.hpp>
#include <headcount/score/score_heads.hpp>
#include <headcount/score/scorer.hpp>

using namespace headcount;

static_assert(reads_of(score::gate{}) == reading::gate);
static_assert(reading::input < reading::gate && reading::gate < reading::query);
static_assert(score::gated_output_norm::reads().contains(reading::gate));
static_assert(score::gated_output_norm::reads().last() == reading::output);

TEST_CASE("gate: is the mean of a head's gate, and no number without one") {
  std::vector<float> const open{0.25f, 0.5f, 1.0f, 0.25f};
  CHECK(score::gate{}(head_gate{open}) == 0.5);
  CHECK(std::isnan(score::gate{}(head_gate{})));
}

TEST_CASE("gated_output_norm: is the length of what passes the gate, and no number without one") {
  std::vector<std::vector<float>> const outputs{{6, 8}, {5, 0}};
  std::vector<std::vector<float>> const open{{0.5f, 0.5f}, {0.2f, 0.9f}};
  auto const output_of = [&](std::size_t head) { return head_output{std::span{outputs[head]}}; };
  auto const gate_of = [&](std::size_t head) { return head_gate{open[head]}; };
  std::vector<double> scores(2);
  score_heads(score::gated_output_norm{}, site{.heads = 2}, {.gates = gate_of, .outputs = output_of}, scores);
  CHECK(scores[0] == 5);
  CHECK(scores[1] == doctest::Approx(1).epsilon(1e-6));
  score_heads(score::gated_output_norm{}, site{.heads = 2}, {.outputs = output_of}, scores);
  CHECK(std::isnan(scores[0]));
}
