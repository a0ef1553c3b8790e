// Masks in kernel/attention.hpp and policy/sparsify.hpp: what dropped heads put out, and what that touches.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_outputs.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/allocations.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>
#include <unit/kernel/support/scene.hpp>

using namespace headcount;
using namespace test;

namespace {

/// What becomes of heads in float64: of dropped ones, by their index, and by what kept ones are multiplied.
struct masked {
  std::function<std::vector<double>(std::size_t)> dropped;
  double factor = 1;
};

/// Keeps the even heads under a mask, decided by each thing that a scorer may read, known and erased, in the kernel and
/// by sparsify, and checks the outputs against float64.
template <class Mask>
void check_a_mask(scene const& in, Mask const& mask, masked const& exact) {
  auto const weights = in.exact.weights();
  auto const kept_outputs = in.exact.outputs(weights);
  auto const check = [&](std::vector<float> const& outputs) {
    for (std::size_t head = 0; head < in.of.heads; ++head) {
      auto const dropped = head % 2 == 0 ? std::vector<double>{} : exact.dropped(head);
      for (std::size_t i = 0; i < in.of.dim; ++i) {
        double const right = head % 2 == 0 ? exact.factor * kept_outputs[head][i] : dropped[i];
        REQUIRE(std::abs(double{outputs[head * in.of.dim + i]} - right) < 2e-6);
      }
    }
  };
  auto const run_both = [&](auto const& score) {
    auto const policy = score | support::even_heads{} | mask;
    for (bool const erased : {false, true}) {
      auto once = in;
      if (erased) (void)run(once, any_policy{policy});
      else (void)run(once, policy);
      check(once.outputs);
    }
  };
  run_both(support::last_first{});
  run_both(support::query_feature{});
  run_both(support::newest_weight{});
  run_both(support::output_feature{});

  std::vector<float> rows, outputs;
  for (auto const& row : weights)
    for (double const weight : row) rows.push_back(static_cast<float>(weight));
  for (auto const& output : kept_outputs)
    for (double const value : output) outputs.push_back(static_cast<float>(value));
  auto const values = in.values_view();
  strided_view<float const, 4> const by_shared_head{
      values.data(),
      {1, in.of.shared(), in.of.keys, in.of.dim},
      {0, static_cast<std::ptrdiff_t>(in.of.dim), static_cast<std::ptrdiff_t>(in.of.shared() * in.of.dim), 1}};
  layer_pass const pass{.layer = 1, .group = in.of.group, .first_key = in.of.first_key};
  strided_view<float, 4> const rows_view{rows.data(), {1, in.of.heads, 1, in.of.keys}};
  strided_view<float, 4> const outputs_view{outputs.data(), {1, 1, in.of.heads, in.of.dim}};
  sparsify(support::newest_weight{} | support::even_heads{} | mask, pass, rows_view, outputs_view, {}, by_shared_head);
  check(outputs);
}

/// Outputs of layer 1's heads as calibration may have found them.
from_file<head_outputs> known_outputs(shape const& of, std::size_t samples) {
  support::numbers draw{4};
  head_outputs::layer layer{.heads = of.heads, .dim = of.dim};
  layer.mean = support::as<float>(draw.list(of.heads * of.dim, -1, 1));
  layer.samples = support::as<float>(draw.list(samples * of.heads * of.dim, -1, 1));
  return in_memory("outputs.safetensors", head_outputs{.layers = {{}, layer}, .samples = samples});
}

/// A head's value of a key in float64, where heads share.
std::vector<double> const& value_of(scene const& in, std::size_t key, std::size_t head) {
  return in.exact.values[key][head / in.of.group];
}

}  // namespace

TEST_CASE("masks: zero, and rescale with the kept heads scaled up, agree with float64") {
  for (auto const& of : shapes()) {
    scene const in{of, 3};
    auto const nothing = [&](std::size_t) { return std::vector<double>(of.dim); };
    check_a_mask(in, mask::zero{}, {nothing});
    check_a_mask(in, mask::zero{mask::bias_rule::drop}, {nothing});
    auto const kept = static_cast<double>((of.heads + 1) / 2);
    check_a_mask(in, mask::rescale{}, {nothing, static_cast<double>(of.heads) / kept});
  }
}

TEST_CASE("masks: uniform gives the mean of all visible values") {
  for (auto const& of : shapes()) {
    scene const in{of, 3};
    check_a_mask(in, mask::uniform{}, {[&](std::size_t head) {
                   std::vector<double> sum(of.dim);
                   for (std::size_t key = 0; key < of.keys; ++key)
                     for (std::size_t i = 0; i < of.dim; ++i)
                       sum[i] += value_of(in, key, head)[i] / static_cast<double>(of.keys);
                   return sum;
                 }});
  }
}

TEST_CASE("masks: streaming gives attention over the oldest and newest keys alone") {
  for (auto const& of : shapes())
    for (mask::streaming const streaming : {mask::streaming{}, mask::streaming{2, 3}, mask::streaming{0, 1},
                                            mask::streaming{4, 4}, mask::streaming{6, 6}, mask::streaming{100, 1}}) {
      scene const in{of, 3};
      check_a_mask(in, streaming, {[&](std::size_t head) {
                     std::vector<double> logits;
                     std::vector<std::size_t> seen;
                     for (std::size_t key = 0; key < of.keys; ++key) {
                       if (key >= streaming.sink && key + streaming.recent < of.keys) continue;
                       auto const& shared = in.exact.keys[key][head / of.group];
                       seen.push_back(key);
                       logits.push_back(0.75 * std::inner_product(shared.begin(), shared.end(),
                                                                  in.exact.queries[head].begin(), 0.0));
                     }
                     auto const weights = support::softmax(logits);
                     std::vector<double> sum(of.dim);
                     for (std::size_t j = 0; j < seen.size(); ++j)
                       for (std::size_t i = 0; i < of.dim; ++i) sum[i] += weights[j] * value_of(in, seen[j], head)[i];
                     return sum;
                   }});
    }
}

TEST_CASE("masks: streaming keeps its own softmax where a key it does not see has all the weight") {
  scene in{{.heads = 2, .keys = 6}};
  for (std::size_t i = 0; i < in.of.dim; ++i)  // key 2 is ahead of the others by far more than float32 has room for
    scene::at(in.keys, in.keys_view(), 2, 1, i) = 200 * in.queries[in.of.dim + i];
  auto alone = in;  // the same without that key
  auto const drop = [&](auto& vectors) { vectors.erase(vectors.begin() + 2); };
  drop(alone.exact.keys);
  drop(alone.exact.values);
  auto const right = alone.exact.outputs(alone.exact.weights())[1];
  (void)run(in, support::last_first{} | support::even_heads{} | mask::streaming{2, 3});
  for (std::size_t i = 0; i < in.of.dim; ++i) CHECK(std::abs(double{in.outputs[in.of.dim + i]} - right[i]) < 2e-6);

  // From weights that rounded to 0, nothing is left to be known but which keys they are.
  std::vector<float> weights{0, 0, 1, 0}, outputs{5, 6}, values{1, 2, 3, 4, 50, 60, 8, 9};
  sparsify(none | mask::streaming{1, 1}, {}, strided_view<float, 4>{weights.data(), {1, 1, 1, 4}},
           strided_view<float, 4>{outputs.data(), {1, 1, 1, 2}}, {},
           strided_view<float, 4>{values.data(), {1, 1, 4, 2}});
  CHECK(outputs == std::vector{4.5f, 5.5f});
}

TEST_CASE("masks: mean gives the known mean output, and resample one of the known outputs, the same for all heads") {
  for (auto const& of : shapes()) {
    scene const in{of, 3};
    auto const known = known_outputs(of, 5);
    auto const& layer = known.content->layers[1];
    check_a_mask(in, mask::mean{known}, {[&](std::size_t head) {
                   auto const mean = layer.mean_of(head);
                   return std::vector<double>(mean.begin(), mean.end());
                 }});
    mask::resample const resample{known, 11};
    auto const draw = uniform_number(11, {.position = in.where().position}, 0);
    check_a_mask(in, resample, {[&](std::size_t head) {
                   auto const sample = layer.sample_of(static_cast<std::size_t>(5 * draw), head);
                   return std::vector<double>(sample.begin(), sample.end());
                 }});
  }
}

TEST_CASE("masks: resample draws another sample at another position, sequence or seed, and each as often") {
  auto const known = known_outputs({.heads = 2, .dim = 1}, 4);
  auto const& samples = known.content->layers[1].samples;
  auto const drawn = [&](std::uint64_t seed, std::size_t row, std::size_t position, std::size_t head) {
    float output = 0;
    mask::resample{known, seed}({.layer = 1, .sequence_id = row, .position = position, .heads = 2}, head,
                                std::span{&output, 1});
    auto const found = std::ranges::find(samples, output) - samples.begin();
    CHECK(static_cast<std::size_t>(found) % 2 == head);
    return static_cast<std::size_t>(found) / 2;
  };
  std::vector<int> counts(4);
  int other_row = 0, other_seed = 0;
  for (std::size_t position = 0; position < 4000; ++position) {
    auto const sample = drawn(1, 0, position, 0);
    ++counts[sample];
    if (position % 50 == 0) CHECK(drawn(1, 0, position, 1) == sample);
    other_row += drawn(1, 3, position, 0) != sample ? 1 : 0;
    other_seed += drawn(2, 0, position, 0) != sample ? 1 : 0;
  }
  for (int const count : counts) CHECK(std::abs(count - 1000) < 140);  // five standard deviations
  for (int const differ : {other_row, other_seed}) CHECK(std::abs(differ - 3000) < 140);
}

TEST_CASE("masks: edits act on the attention that a mask gives dropped heads, too") {
  scene in{{.heads = 4, .group = 2, .keys = 8, .first_key = 10}};
  auto const policy = support::last_first{} | support::even_heads{} | mask::uniform{};
  (void)run(in, policy, {edit::omit{{{12, 13}}}});
  auto weights = in.exact.weights();
  for (std::size_t head = 1; head < 4; head += 2) std::ranges::fill(weights[head], 0.125);
  for (auto& row : weights) row[2] = row[3] = 0;
  check_outputs(in, weights, all_heads(in.of));

  scene shared{in.of};
  (void)run(shared, support::last_first{} | support::even_heads{} | mask::streaming{1, 1},
            {edit::balanced{{{12, 12}}}});
  double mass = 0;
  for (std::size_t head = 0; head < 4; head += 2) mass += shared.exact.weights()[head][2];
  for (auto& row : weights) {
    std::ranges::fill(row, 0.0);
    row[2] = mass / 4;
  }
  check_outputs(shared, weights, all_heads(shared.of));
}

TEST_CASE("masks: a head that streams touches no other key or value, and one that attends evenly no key") {
  scene in{{.heads = 2, .keys = 9}};
  for (auto const& [mask, first, last, keys_alone] :
       {std::tuple{any_mask{mask::streaming{2, 3}}, std::size_t{2}, std::size_t{6}, false},
        std::tuple{any_mask{mask::uniform{}}, std::size_t{0}, std::size_t{9}, true}}) {
    auto poisoned = in;
    for (auto key = first; key < last; ++key)
      for (std::size_t i = 0; i < in.of.dim; ++i) {
        scene::at(poisoned.keys, poisoned.keys_view(), key, 1, i) = static_cast<float>(support::not_a_number);
        if (!keys_alone)
          scene::at(poisoned.values, poisoned.values_view(), key, 1, i) = static_cast<float>(support::not_a_number);
      }
    any_policy const policy{support::last_first{}, support::even_heads{}, mask};
    auto clean = in;
    (void)run(clean, policy);
    (void)run(poisoned, policy);
    CHECK(poisoned.outputs == clean.outputs);
  }
}

TEST_CASE("masks: outside a policy's scope, and where every head is kept, nothing changes") {
  scene expected{{.heads = 4, .group = 2}};
  (void)run(expected, dense);
  auto const known = known_outputs(expected.of, 2);
  for (auto const& mask :
       {any_mask{mask::zero{mask::bias_rule::drop}}, any_mask{mask::mean{known}}, any_mask{mask::resample{known, 0}},
        any_mask{mask::uniform{}}, any_mask{mask::streaming{1, 1}}, any_mask{mask::rescale{}}}) {
    for (auto const& policy : {any_policy{score::l2{}, select::top_k{4}, mask},
                               any_policy{score::l2{}, select::top_k{1}, mask}.during(phase::prefill)}) {
      scene in{expected.of};
      (void)run(in, policy);
      CHECK(in.outputs == expected.outputs);
    }
  }
}

TEST_CASE("masks: attention under one allocates nothing once its workspace has grown") {
  scene in{{.heads = 4, .group = 2, .keys = 40}};
  auto const known = known_outputs(in.of, 2);
  for (auto const& mask : {any_mask{mask::mean{known}}, any_mask{mask::resample{known, 0}}, any_mask{mask::uniform{}},
                           any_mask{mask::streaming{2, 5}}, any_mask{mask::rescale{}}}) {
    any_policy const policy{score::l2{}, select::top_k{1}, mask};
    kernel::attention_workspace workspace;
    auto const attend = [&] {
      (void)kernel::attend(policy, in.where(), in.inputs(), {}, workspace, in.outputs_view());
    };
    attend();
    CHECK(support::allocations_of(attend) == 0);
  }
}
