// Mamba-2, gated DeltaNet, the gated short convolution, and how experts are chosen.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/architecture/take_blocks.hpp>
#include <headcount/reference/block/experts.hpp>
#include <headcount/reference/block/gated_delta.hpp>
#include <headcount/reference/block/gather_rows.hpp>
#include <headcount/reference/block/mamba2.hpp>
#include <headcount/reference/block/mlp.hpp>
#include <headcount/reference/block/short_convolution.hpp>

#include "../support/float64.hpp"
#include "../support/numbers.hpp"
#include "../support/pieces.hpp"
#include "../support/tensors.hpp"

using namespace headcount::reference;
using test::row;
using test::rows;

namespace {

constexpr std::size_t width = 20;

row part(row const& from, std::size_t begin, std::size_t count) {
  return {from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(begin + count)};
}
double dot(row const& a, row const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}
rows silu(rows x) {
  for (auto& one : x)
    for (auto& value : one) value = test::slow::silu(value);
  return x;
}

/// Mamba-2 as attention: what token s leaves for token t is all there is of a state. O(tokens^2).
rows mamba2_by_sums(mamba2_config const& config, test::tensors const& from, rows const& x) {
  auto const channels = config.channels();
  auto const shared = config.groups * config.states;
  rows gates;
  rows convolved;
  rows steps;
  for (auto const& one : test::slow::linear(from, "b.in_proj", x)) {
    gates.push_back(part(one, 0, channels));
    convolved.push_back(part(one, channels, channels + 2 * shared));
    steps.push_back(part(one, 2 * channels + 2 * shared, config.heads));
    for (std::size_t head = 0; head < config.heads; ++head)
      steps.back()[head] = std::min(std::max(test::slow::softplus(steps.back()[head] + from["b.dt_bias"][head]),
                                             static_cast<double>(config.least_step)),
                                    static_cast<double>(config.most_step));
  }
  convolved = silu(test::slow::convolve(from["b.conv1d.weight"], from.bias("b.conv1d.bias"), convolved));
  rows result;
  for (std::size_t t = 0; t < x.size(); ++t) {
    row y(channels);
    for (std::size_t head = 0; head < config.heads; ++head) {
      auto const group = head / (config.heads / config.groups) * config.states;
      auto const c = part(convolved[t], channels + shared + group, config.states);
      double decay = 1;  // from s to t
      for (std::size_t s = t + 1; s-- > 0;) {
        double const weight = dot(c, part(convolved[s], channels + group, config.states)) * decay * steps[s][head];
        for (std::size_t i = head * config.head_dim; i < (head + 1) * config.head_dim; ++i)
          y[i] += weight * convolved[s][i];
        decay *= std::exp(-steps[s][head] * std::exp(from["b.A_log"][head]));
      }
      for (std::size_t i = head * config.head_dim; i < (head + 1) * config.head_dim; ++i)
        y[i] += from["b.D"][head] * convolved[t][i];
    }
    auto const normalise = [&] {
      auto const size = channels / config.norm_parts;
      row all;
      for (std::size_t at = 0; at < channels; at += size)
        for (double const value : test::slow::norm(part(from["b.norm.weight"], at, size), 0,
                                                   static_cast<double>(config.norm_epsilon), part(y, at, size)))
          all.push_back(value);
      y = all;
    };
    if (config.ending == gated_norm::norm_first) normalise();
    for (std::size_t i = 0; i < channels; ++i) y[i] *= test::slow::silu(gates[t][i]);
    if (config.ending == gated_norm::norm_last) normalise();
    result.push_back(test::slow::linear(from, "b.out_proj", y));
  }
  return result;
}

std::vector<std::size_t> chosen_of(experts const& block, std::vector<float> merits) {
  return choose_experts(block, merits);
}

/// A gated DeltaNet of random weights, its decays one a head or one a channel of keys.
gated_delta_net random_delta(gated_delta_config const& sizes, bool by_channel, test::tensors& from) {
  auto block = begin_gated_delta(sizes, from, "b.", "layernorm", 1e-6f);
  auto const decays = sizes.value_heads * (by_channel ? sizes.key_dim : 1);
  block.decay_bias = widen_all(from.take("b.decay_bias", {decays}));
  block.query = take_linear(from, "b.q", sizes.keys(), width);
  block.key = take_linear(from, "b.k", sizes.keys(), width);
  block.value = take_linear(from, "b.v", sizes.values(), width);
  block.gate = take_linear(from, "b.g", sizes.values(), width);
  block.write = take_linear(from, "b.b", sizes.value_heads, width);
  block.decay = take_linear(from, "b.a", decays, width);
  block.output = take_linear(from, "b.o", width, sizes.values());
  block.convolution = take_convolution(from, "b.c", 2 * sizes.keys() + sizes.values(), sizes.convolution, false);
  return block;
}

/// The delta rule as a product of matrices: S_t = (I - beta k k^T) diag(decay) S_{t-1} + beta k v^T.
rows delta_by_matrices(gated_delta_net const& block, gated_delta_config const& sizes, test::tensors const& from,
                       rows const& x) {
  rows convolved;
  for (auto const& one : x) {
    convolved.emplace_back();
    for (auto const* name : {"b.q", "b.k", "b.v"})
      for (double const value : test::slow::linear(from, name, one)) convolved.back().push_back(value);
  }
  convolved = silu(test::slow::convolve(from["b.c.weight"], {}, convolved));
  auto const unit = [&](row one, double size) {
    double const length = std::sqrt(dot(one, one) + 1e-6);
    for (auto& value : one) value *= size / length;
    return one;
  };
  auto const kd = sizes.key_dim;
  auto const vd = sizes.value_dim;
  std::vector<rows> state(sizes.value_heads, rows(kd, row(vd)));
  rows result;
  for (std::size_t t = 0; t < x.size(); ++t) {
    auto const a = test::slow::linear(from, "b.a", x[t]);
    auto const b = test::slow::linear(from, "b.b", x[t]);
    auto const gate = test::slow::linear(from, "b.g", x[t]);
    row all;
    for (std::size_t head = 0; head < sizes.value_heads; ++head) {
      auto const shared = head * sizes.key_heads / sizes.value_heads * kd;
      auto const q = unit(part(convolved[t], shared, kd), 1 / std::sqrt(static_cast<double>(kd)));
      auto const k = unit(part(convolved[t], sizes.keys() + shared, kd), 1);
      auto const v = part(convolved[t], 2 * sizes.keys() + head * vd, vd);
      double const beta = static_cast<double>(block.strongest_write) * test::slow::sigmoid(b[head]);
      rows next(kd, row(vd));
      for (std::size_t i = 0; i < kd; ++i)
        for (std::size_t j = 0; j < vd; ++j) {
          next[i][j] = beta * k[i] * v[j];
          for (std::size_t m = 0; m < kd; ++m) {
            auto const at = a.size() == sizes.value_heads ? head : head * kd + m;
            double const decay =
                std::exp(-std::exp(from["b.A_log"][head]) * test::slow::softplus(a[at] + from["b.decay_bias"][at]));
            next[i][j] += ((i == m ? 1 : 0) - beta * k[i] * k[m]) * decay * state[head][m][j];
          }
        }
      state[head] = next;
      row o(vd);
      for (std::size_t i = 0; i < kd; ++i)
        for (std::size_t j = 0; j < vd; ++j) o[j] += q[i] * state[head][i][j];
      for (double const value : test::slow::norm(from["b.layernorm.weight"], 0, 1e-6, o)) all.push_back(value);
    }
    for (std::size_t i = 0; i < all.size(); ++i) all[i] *= test::slow::silu(gate[i]);
    result.push_back(test::slow::linear(from, "b.o", all));
  }
  return result;
}

}  // namespace

TEST_CASE("mamba2: whole and in pieces agree with its sums over earlier tokens, for every ending and limit") {
  for (auto const ending : {gated_norm::gated, gated_norm::norm_last, gated_norm::norm_first})
    for (std::size_t const groups : {1u, 3u}) {
      mamba2_config const config{.heads = 6,
                                 .head_dim = 5,
                                 .groups = groups,
                                 .states = 4,
                                 .convolution = 3,
                                 .input_bias = groups == 3,
                                 .output_bias = groups == 3,
                                 .convolution_bias = groups == 1,
                                 .least_step = groups == 1 ? 0.0f : 0.6f,
                                 .most_step = groups == 1 ? 1e9f : 0.7f,
                                 .ending = ending,
                                 .norm_parts = groups,
                                 .norm_epsilon = 1e-3f};
      CAPTURE(groups);
      test::tensors from{static_cast<unsigned>(groups)};
      auto const block = take_mamba2(config, width, from, "b.");
      auto const x = test::numbers{4}.matrix(30, width);
      test::check_state(block, x, mamba2_by_sums(config, from, test::rows_of(x)));
    }
}

TEST_CASE("mamba2: factors on its five parts are factors on rows of its projection") {
  mamba2_config const config{.heads = 4, .head_dim = 3, .groups = 2, .states = 2, .ending = gated_norm::gated};
  test::tensors from{8};
  auto block = take_mamba2(config, width, from, "b.");
  block.part_scales = {0.5f, 2, 3, 0.25f, 1.5f};
  auto changed = from;
  changed.change("b.in_proj.weight", [&](std::size_t i, double value) {
    auto const at = i / width;
    return value * (at < 12 ? 0.5 : at < 24 ? 2 : at < 28 ? 3 : at < 32 ? 0.25 : 1.5);
  });
  auto const x = test::numbers{4}.matrix(30, width);
  test::check_state(block, x, mamba2_by_sums(config, changed, test::rows_of(x)));
}

TEST_CASE("gated_delta: whole and in pieces agree with its matrices, with a decay a head or a channel") {
  gated_delta_config const sizes{.key_heads = 2, .key_dim = 3, .value_heads = 4, .value_dim = 5, .convolution = 4};
  for (bool const by_channel : {false, true}) {
    CAPTURE(by_channel);
    test::tensors from{11};
    auto block = random_delta(sizes, by_channel, from);
    CHECK(block.decays() == (by_channel ? 3 : 1));
    block.strongest_write = by_channel ? 2 : 1;
    auto const x = test::numbers{5}.matrix(30, width);
    test::check_state(block, x, delta_by_matrices(block, sizes, from, test::rows_of(x)));
  }
}

TEST_CASE("short_convolution: whole and in pieces agree with float64, and keep a few tokens alone") {
  test::tensors from{3};
  short_convolution const block{.in_projection = take_linear(from, "b.in", 3 * width, width, true),
                                .out_projection = take_linear(from, "b.out", width, width, true),
                                .convolution = take_convolution(from, "b.c", width, 3, true)};
  auto const x = test::numbers{6}.matrix(30, width);
  rows products;
  rows outer;
  for (auto const& one : test::slow::linear(from, "b.in", test::rows_of(x))) {
    products.push_back(part(one, 0, width));
    outer.push_back(part(one, width, width));
    for (std::size_t i = 0; i < width; ++i) products.back()[i] *= one[2 * width + i];
  }
  auto const convolved = test::slow::convolve(from["b.c.weight"], from["b.c.bias"], products);
  for (std::size_t t = 0; t < outer.size(); ++t)
    for (std::size_t i = 0; i < width; ++i) outer[t][i] *= convolved[t][i];
  test::check_state(block, x, test::slow::linear(from, "b.out", outer));
  CHECK(block.empty_state().bytes() == 2 * width * sizeof(float));
}

TEST_CASE("ablated_channels: those of a block's outputs are columns of its last map") {
  mamba2_config const config{.heads = 4, .head_dim = 3, .groups = 2, .states = 2};
  test::tensors from{8};
  auto const block = take_mamba2(config, width, from, "b.");
  auto changed = from;
  changed.change("b.out_proj.weight",
                 [](std::size_t i, double value) { return i % 12 == 3 || i % 12 == 4 ? 0 : value; });
  auto const without = take_mamba2(config, width, changed, "b.");
  auto const x = test::numbers{4}.matrix(9, width);
  auto const run = [&](mamba2_block const& one, ablated_channels const& away) {
    auto state = one.empty_state();
    std::vector<recurrence*> const states{&state};
    std::vector<segment> const segments{{.begin = 0, .count = 9}};
    return apply(one, x, segments, std::span<recurrence* const>{states}, wanted::all_tokens, away);
  };
  ablated_channels away;
  away.outputs.insert({3, 4});
  CHECK(test::distance(run(block, away), run(without, {})) < 1e-6);
  CHECK(test::distance(run(block, away), run(block, {})) > 1e-3);
}

TEST_CASE("experts: a correction changes who is chosen, and groups who may be") {
  experts block{.chosen = 2};
  std::vector<float> merits{0.1f, 0.4f, 0.3f, 0.4f, 0.9f, 0.0f};
  CHECK(chosen_of(block, merits) == std::vector<std::size_t>{4, 1});
  block.groups = 3;  // best two of each: 0.5, 0.7, 0.9
  block.chosen_groups = 2;
  CHECK(chosen_of(block, merits) == std::vector<std::size_t>{4, 3});
  block.chosen_groups = 1;
  CHECK(chosen_of(block, merits) == std::vector<std::size_t>{4, 5});
  block.groups = 1;
  block.chosen = 3;
  CHECK(chosen_of(block, std::vector(4, 0.5f)) == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("experts: weights are renormalised over the chosen, and a correction is not in them") {
  test::tensors from{5};
  auto const member = [&](std::string const& name) {
    return mlp{.up = take_linear(from, name + "up", 7, width),
               .down = take_linear(from, name + "down", width, 7),
               .function = activation::relu_squared};
  };
  experts block{.router = take_linear(from, "router", 3, width),
                .chosen = 2,
                .how = routing::sigmoid,
                .renormalised = true,
                .correction = {-5, 0, 5},
                .scale = 1.5f};
  for (auto const* name : {"0.", "1.", "2."}) block.members.push_back(member(name));
  block.shared = member("shared.");
  auto const x = test::numbers{6}.matrix(8, width);
  rows expected;
  for (auto const& one : test::rows_of(x)) {
    auto const made = [&](std::string const& name) {
      auto hidden = test::slow::linear(from, name + "up", one);
      for (auto& value : hidden) value = value > 0 ? value * value : 0;
      return test::slow::linear(from, name + "down", hidden);
    };
    auto const logits = test::slow::linear(from, "router", one);  // expert 0 is never chosen, its correction sees to it
    double const first = test::slow::sigmoid(logits[1]);
    double const second = test::slow::sigmoid(logits[2]);
    auto const a = made("1.");
    auto const b = made("2.");
    expected.push_back(made("shared."));
    for (std::size_t i = 0; i < width; ++i)
      expected.back()[i] += 1.5 * (first * a[i] + second * b[i]) / (first + second);
  }
  CHECK(test::distance(apply(block, x), expected) < 1e-5);
}

TEST_CASE("linear: an adapter is added to the weight, and the scale leaves the bias alone") {
  test::tensors from{7};
  auto map = take_linear(from, "m", 6, width, true);
  map.scale = 0.5f;
  map.adapted = adapter{.down = from.take("down", {2, width}), .up = from.take("up", {6, 2})};
  auto const x = test::numbers{6}.matrix(5, width);
  rows expected;
  for (auto const& one : test::rows_of(x)) {
    auto const whole = test::slow::linear(from["m.weight"], {}, one);
    auto const small = test::slow::linear(from["up"], {}, test::slow::linear(from["down"], {}, one));
    expected.emplace_back();
    for (std::size_t i = 0; i < 6; ++i) expected.back().push_back(0.5 * (whole[i] + small[i]) + from["m.bias"][i]);
  }
  CHECK(test::distance(apply(map, x), expected) < 1e-5);
}

TEST_CASE("gather_rows: rows are cut and put in order, in every format") {
  for (auto const type : {dtype::float32, dtype::bfloat16}) {
    test::tensors from{9, type};
    auto const all = from.take("w", {6, 4});
    auto const rows_in = interleaved(2, {1, 2});
    CHECK(rows_in[0] == std::vector<std::size_t>{0, 3});
    CHECK(rows_in[1] == std::vector<std::size_t>{1, 2, 4, 5});
    auto const values = widen_all(all);
    auto const gathered = widen_all(gather_rows(all, rows_in[1]));
    REQUIRE(gathered.size() == 16);
    for (std::size_t i = 0; i < 16; ++i) CHECK(gathered[i] == values[rows_in[1][i / 4] * 4 + i % 4]);
    auto const some = widen_all(some_rows(all, 2, 3));
    CHECK(some == std::vector<float>(values.begin() + 8, values.begin() + 20));
    CHECK(widen_all(part_of(from.take("three", {2, 3, 2}), 1)).size() == 6);
  }
}
