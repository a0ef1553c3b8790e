#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/score/contribution_norm.hpp>
#include <headcount/score/output_norm.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/score/scorer.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>

// Scorers that read what comes after the row, and one that reads what comes before everything.

using namespace headcount;
using support::distance;

static_assert(reads_of(score::output_norm{}) == reading::output);
static_assert(reads_of(score::contribution_norm{}) == reading::contribution);
static_assert(may_read<score::predictor>(reading::input) && !may_read<score::predictor>(reading::row));

namespace {

/// One or two maps with drawn weights, and what they should give in float64.
struct maps {
  score::layer_predictor layer;

  maps(std::size_t width, std::size_t heads, std::optional<std::size_t> hidden, bool relu) {
    support::numbers draw{width * 31 + heads};
    auto const map = [&](std::size_t inputs, std::size_t outputs) {
      return score::affine_map{.inputs = inputs,
                               .weight = support::as<float>(draw.list(inputs * outputs, -1, 1)),
                               .bias = support::as<float>(draw.list(outputs, -1, 1))};
    };
    layer = {.layer = 3, .relu = relu};
    if (hidden) layer.maps = {map(width, *hidden), map(*hidden, heads)};
    else layer.maps = {map(width, heads)};
  }

  [[nodiscard]] std::vector<double> exact(std::vector<double> x) const {
    for (std::size_t at = 0; at < layer.maps.size(); ++at) {
      auto const& map = layer.maps[at];
      std::vector<double> y;
      for (std::size_t out = 0; out < map.bias.size(); ++out) {
        y.push_back(double{map.bias[out]});
        for (std::size_t in = 0; in < x.size(); ++in) y[out] += double{map.weight[out * x.size() + in]} * x[in];
        if (layer.relu && at + 1 < layer.maps.size()) y[out] = std::max(y[out], 0.0);
      }
      x = y;
    }
    return x;
  }
};

std::string problem_of(score::predictor const& part, site const& where) {
  try {
    validate_part(part, where);
  } catch (error const& problem) {
    return problem.what();
  }
  return {};
}

}  // namespace

TEST_CASE("output_norm: is the length of a head's output") {
  std::vector<float> const output{3, 0, -4};
  CHECK(score::output_norm{}(head_output{std::span{output}}) == 5);
  CHECK(score::output_norm{}(head_output{}) == 0);
  auto const values = support::as<float>(support::numbers{3}.list(67, -2, 2));
  CHECK(distance(score::output_norm{}(head_output{std::span{values}}), support::norm(values)) < 1e-14);
}

TEST_CASE("contribution_norm: is the length of the output after the head's columns, wherever these lie") {
  // Columns of a projection [width 3, 2 heads * dim 2]; head 1 has the last two.
  std::vector<float> const projection{9, 9, 1, 0, 9, 9, 0, 2, 9, 9, 1, 1};
  std::vector<float> const output{3, 1};
  strided_view<float const, 2> const columns{projection.data() + 2, {3, 2}, {4, 1}};
  CHECK(score::contribution_norm{}({std::span{output}, columns}) == std::sqrt(9.0 + 4 + 16));

  support::numbers draw{4};
  constexpr std::size_t width = 20, dim = 9;
  auto const weights = support::as<float>(draw.list(width * dim, -1, 1));
  auto const values = support::as<float>(draw.list(dim, -1, 1));
  std::vector<double> product(width);
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t out = 0; out < width; ++out) product[out] += double{weights[out * dim + i]} * double{values[i]};
  CHECK(distance(score::contribution_norm{}({std::span{values}, {weights.data(), {width, dim}}}),
                 support::norm(product)) < 1e-14);
}

TEST_CASE("contribution_norm: does not change when values are scaled and the projection scaled back") {
  std::vector<float> const output{1, -2, 0.5f}, doubled{2, -4, 1};
  std::vector<float> const projection{1, 2, 3, -4, 5, 6}, halved{0.5f, 1, 1.5f, -2, 2.5f, 3};
  CHECK(score::contribution_norm{}({std::span{output}, {projection.data(), {2, 3}}}) ==
        score::contribution_norm{}({std::span{doubled}, {halved.data(), {2, 3}}}));
}

TEST_CASE("predictor: one map and two, with and without a bend, agree with float64") {
  for (auto const hidden :
       {std::optional<std::size_t>{}, std::optional<std::size_t>{1}, std::optional<std::size_t>{11}})
    for (bool const relu : {false, true}) {
      maps const of{12, 5, hidden, relu};
      score::predictor const score{in_memory("p.json", score::head_predictor{{of.layer}})};
      auto const input = support::numbers{9}.list(12, -1, 1);
      auto const floats = support::as<float>(input);
      std::vector<double> scores(5);
      score({.layer = 3, .heads = 5}, {.input = {floats}}, scores);
      auto const exact = of.exact(support::as<double>(floats));
      for (std::size_t head = 0; head < 5; ++head) CHECK(distance(scores[head], exact[head], 0.1) < 1e-13);
    }
}

TEST_CASE("predictor: what it has no maps for scores NaN, and is refused beforehand") {
  maps const of{12, 5, {}, false};
  score::predictor const score{in_memory("p.json", score::head_predictor{{of.layer}})};
  std::vector<float> const input(12, 1.0f), short_input(11, 1.0f);
  auto const all_nan = [&](std::vector<float> const& from, site const& where) {
    std::vector<double> scores(where.heads);
    score(where, {.input = {from}}, scores);
    return std::ranges::all_of(scores, [](double one) { return std::isnan(one); });
  };
  CHECK_FALSE(all_nan(input, {.layer = 3, .heads = 5}));
  CHECK(all_nan(input, {.layer = 2, .heads = 5}));
  CHECK(all_nan(input, {.layer = 3, .heads = 4}));
  CHECK(all_nan(short_input, {.layer = 3, .heads = 5}));

  CHECK(problem_of(score, {.layer = 3, .heads = 5}).empty());
  CHECK(problem_of(score, {.layer = 3, .heads = 5, .width = 12}).empty());
  CHECK(problem_of(score, {.layer = 2, .heads = 5}) == "predictor p.json: it has no layer 2 (allowed: layers 3)");
  CHECK(problem_of(score, {.layer = 3, .heads = 8}) == "predictor p.json: it predicts 5 heads of layer 3, which has 8");
  CHECK(problem_of(score, {.layer = 3, .heads = 5, .width = 16}) ==
        "predictor p.json: it reads inputs of width 12, those of layer 3 have 16");
  CHECK(problem_of({}, {.layer = 3, .heads = 5}).find("its file was not read") != std::string::npos);
}
