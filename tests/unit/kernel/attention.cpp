#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/from_file.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/registry.hpp>
#include <headcount/policy/sparsify.hpp>
#include <support/allocations.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>

using namespace headcount;

namespace {

/// How a layer's heads are shared and how its keys lie in memory.
struct shape {
  std::size_t heads = 4;
  std::size_t group = 1;
  std::size_t keys = 9;
  std::size_t dim = 8;
  bool keys_side_by_side = false;
  std::size_t first_key = 0;

  [[nodiscard]] std::size_t shared() const { return heads / group; }
};

std::vector<shape> shapes() {
  std::vector<shape> all;
  for (bool const side_by_side : {false, true}) {
    all.push_back({.heads = 4, .keys_side_by_side = side_by_side});                         // MHA
    all.push_back({.heads = 6, .group = 3, .keys_side_by_side = side_by_side});             // GQA
    all.push_back({.heads = 5, .group = 5, .dim = 20, .keys_side_by_side = side_by_side});  // MQA
    all.push_back({.heads = 4, .group = 2, .keys = 40, .keys_side_by_side = side_by_side, .first_key = 7});
    all.push_back({.heads = 3, .keys = 1, .dim = 17, .keys_side_by_side = side_by_side});
  }
  return all;
}

/// One query position in float, in memory that attention can walk, and the same numbers in float64.
struct scene {
  shape of;
  std::vector<float> queries;
  std::vector<float> keys;
  std::vector<float> values;
  std::vector<float> outputs;
  support::attention_problem exact;

  explicit scene(shape const& size, std::uint64_t seed = 1) : of{size} {
    support::numbers draw{seed};
    auto const vectors = [&](std::size_t count) {
      std::vector<std::vector<double>> list;
      while (list.size() < count) list.push_back(support::as<double>(support::as<float>(draw.list(of.dim, -1, 1))));
      return list;
    };
    exact.queries = vectors(of.heads);
    while (exact.keys.size() < of.keys) exact.keys.push_back(vectors(of.shared()));
    while (exact.values.size() < of.keys) exact.values.push_back(vectors(of.shared()));
    exact.scale = 0.75;
    exact.group = of.group;
    queries.resize(of.heads * of.dim);
    keys.resize(of.keys * of.shared() * of.dim);
    values.resize(keys.size());
    outputs.assign(of.heads * of.dim, 99.0f);
    for (std::size_t i = 0; i < of.dim; ++i) {
      for (std::size_t head = 0; head < of.heads; ++head)
        queries[head * of.dim + i] = static_cast<float>(exact.queries[head][i]);
      for (std::size_t key = 0; key < of.keys; ++key)
        for (std::size_t shared = 0; shared < of.shared(); ++shared) {
          at(keys, keys_view(), key, shared, i) = static_cast<float>(exact.keys[key][shared][i]);
          at(values, values_view(), key, shared, i) = static_cast<float>(exact.values[key][shared][i]);
        }
    }
  }

  [[nodiscard]] strided_view<float const, 3> keys_view() const {
    auto const axis = [](std::size_t stride) { return static_cast<std::ptrdiff_t>(stride); };
    if (!of.keys_side_by_side) return {keys.data(), {of.keys, of.shared(), of.dim}};
    return {keys.data(), {of.keys, of.shared(), of.dim}, {1, axis(of.dim * of.keys), axis(of.keys)}};
  }
  [[nodiscard]] strided_view<float const, 3> values_view() const {
    return {values.data(), {of.keys, of.shared(), of.dim}};
  }
  [[nodiscard]] kernel::attention_inputs inputs() const {
    return {.queries = {queries.data(), {of.heads, of.dim}},
            .keys = keys_view(),
            .values = values_view(),
            .scale = 0.75f,
            .first_key = of.first_key};
  }
  [[nodiscard]] site where(phase when = phase::generation) const {
    return {.layer = 1, .phase = when, .position = of.first_key + of.keys - 1, .heads = of.heads, .group = of.group};
  }
  [[nodiscard]] strided_view<float, 2> outputs_view() { return {outputs.data(), {of.heads, of.dim}}; }

  /// The element of `memory` that `view`, a view of it, has at an index.
  static float& at(std::vector<float>& memory, strided_view<float const, 3> view, std::size_t key, std::size_t shared,
                   std::size_t i) {
    return memory[static_cast<std::size_t>(&view(key, shared, i) - memory.data())];
  }

  /// Makes every key and value of a shared head NaN.
  void poison(std::size_t shared) {
    for (std::size_t key = 0; key < of.keys; ++key)
      for (std::size_t i = 0; i < of.dim; ++i) {
        at(keys, keys_view(), key, shared, i) = static_cast<float>(support::not_a_number);
        at(values, values_view(), key, shared, i) = static_cast<float>(support::not_a_number);
      }
  }
};

/// A mask that would show NaN had the values been summed into the output before.
struct halve {
  static constexpr std::string_view name = "halve";
  void operator()(auto&& output) const noexcept {
    for (auto& value : output) value *= 0.5f;
  }
};

/// Remembers the rows that were computed and the heads that were kept.
struct recorder {
  std::vector<std::size_t> computed;
  std::vector<std::vector<float>> rows;
  head_set chosen;
  int decisions = 0;

  void row(site const&, std::size_t head, std::span<float const> weights) {
    computed.push_back(head);
    rows.emplace_back(weights.begin(), weights.end());
  }
  void kept(site const&, head_set const& set) {
    chosen = set;
    ++decisions;
  }
};

template <class Policy>
recorder run(scene& in, Policy const& policy, std::vector<any_edit> const& edits = {}, phase when = phase::generation) {
  kernel::attention_workspace workspace;
  recorder seen;
  kernel::attend(policy, in.where(when), in.inputs(), edits, workspace, in.outputs_view(), seen);
  return seen;
}

using heads = std::vector<std::size_t>;
heads all_heads(shape const& of) {
  heads all;
  while (all.size() < of.heads) all.push_back(all.size());
  return all;
}

/// The `k` heads with the highest scores, by sorting.
heads best(std::vector<double> const& scores, std::size_t k) {
  heads order;
  while (order.size() < scores.size()) order.push_back(order.size());
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  order.resize(k);
  std::ranges::sort(order);
  return order;
}

/// Checks a run against float64: `kept` heads give the outputs of `weights`, the others `dropped`.
void check_outputs(scene const& in, std::vector<std::vector<double>> const& weights, heads const& kept,
                   double dropped = 0) {
  auto const exact = in.exact.outputs(weights);
  for (std::size_t head = 0; head < in.of.heads; ++head)
    for (std::size_t i = 0; i < in.of.dim; ++i) {
      bool const is_kept = std::ranges::binary_search(kept, head);
      REQUIRE(std::abs(double{in.outputs[head * in.of.dim + i]} - (is_kept ? exact[head][i] : dropped)) < 2e-6);
    }
}

heads list(head_set const& set) { return {set.begin(), set.end()}; }

/// What becomes of heads in float64: of dropped ones, by their index, and by what kept ones are multiplied.
struct masked {
  std::function<std::vector<double>(std::size_t)> dropped;
  double factor = 1;
};

/// Keeps the even heads under a mask, decided by each thing that a scorer may read, known and erased, in the kernel and
/// by sparsify, and checks the outputs against float64.
template <class Mask>
void check_mask(scene const& in, Mask const& mask, masked const& exact) {
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

/// Runs a policy that keeps two heads, known and erased, on every shape; `score(problem, head)` says in float64 what
/// its scorer should make of a head. `computed` says whether the rows of dropped heads are computed.
template <class Policy, class Score>
void check_policy(Policy const& policy, Score const& score, bool computes_all) {
  for (auto const& of : shapes()) {
    scene const in{of, 5};
    std::vector<double> scores;
    for (std::size_t head = 0; head < of.heads; ++head) scores.push_back(score(in.exact, head));
    auto const expected = best(scores, 2);
    auto const check = [&](auto const& any) {
      auto once = in;
      auto const seen = run(once, any);
      CHECK(list(seen.chosen) == expected);
      CHECK(seen.decisions == 1);
      CHECK(seen.computed == (computes_all ? all_heads(of) : expected));
      check_outputs(once, in.exact.weights(), expected, 7);
    };
    check(policy);
    check(any_policy{policy});
    check((any_policy{policy}).during(phase::generation));
  }
}

}  // namespace

TEST_CASE("attend: dense attention agrees with float64 for MHA, GQA and MQA, however the keys lie") {
  for (auto const& of : shapes()) {
    CAPTURE(of.heads);
    CAPTURE(of.keys);
    CAPTURE(of.keys_side_by_side);
    scene in{of};
    auto const seen = run(in, dense);
    CHECK(list(seen.chosen) == all_heads(of));
    CHECK(seen.computed == all_heads(of));
    auto const weights = in.exact.weights();
    for (std::size_t head = 0; head < of.heads; ++head)
      for (std::size_t key = 0; key < of.keys; ++key)
        REQUIRE(std::abs(double{seen.rows[head][key]} - weights[head][key]) < 5e-7);
    check_outputs(in, weights, all_heads(of));
  }
}

TEST_CASE("attend: a scorer that reads nothing decides first, and dropped heads are never computed") {
  check_policy(
      support::last_first{} | select::top_k{2} | support::constant{},
      [](auto const&, std::size_t head) { return static_cast<double>(head); }, false);
}

TEST_CASE("attend: a scorer that reads the query decides first, and dropped heads are never computed") {
  check_policy(
      support::query_feature{} | select::top_k{2} | support::constant{},
      [](auto const& problem, std::size_t head) { return problem.queries[head][0]; }, false);
}

TEST_CASE("attend: a scorer that reads the row decides by the weights of every head") {
  check_policy(
      score::entropy{} | select::top_k{2} | support::constant{},
      [](auto const& problem, std::size_t head) { return support::minus_entropy(problem.weights()[head], 1e-12); },
      true);
  check_policy(
      support::newest_weight{} | select::top_k{2} | support::constant{},
      [](auto const& problem, std::size_t head) { return problem.weights()[head].back(); }, true);
}

TEST_CASE("attend: a scorer that reads the output decides by the outputs of every head") {
  check_policy(
      support::output_feature{} | select::top_k{2} | support::constant{},
      [](auto const& problem, std::size_t head) { return problem.outputs(problem.weights())[head][0]; }, true);
}

TEST_CASE("attend: no key or value of a head that is dropped before attention is touched") {
  shape const of{.heads = 6, .group = 2};
  for (auto const& policy : {any_policy{support::last_first{} | select::top_k{2}},
                             any_policy{score::random{3} | select::top_k{1}}, any_policy{none}}) {
    scene in{of};
    scene const clean{of};
    auto expected = clean;
    auto const kept = list(run(expected, policy).chosen);
    for (std::size_t shared = 0; shared < of.shared(); ++shared)
      if (std::ranges::none_of(kept, [&](std::size_t head) { return head / of.group == shared; })) in.poison(shared);
    auto const seen = run(in, policy);
    CHECK(seen.computed == kept);
    CHECK(in.outputs == expected.outputs);
  }
}

TEST_CASE("attend: a head that is dropped by its row never sums its values") {
  scene in{{.heads = 4}};
  auto const kept = list(run(in, score::l2{} | select::top_k{2}).chosen);
  auto const expected = in.outputs;
  for (std::size_t head = 0; head < 4; ++head)
    if (!std::ranges::binary_search(kept, head))
      for (std::size_t key = 0; key < in.of.keys; ++key)
        for (std::size_t i = 0; i < in.of.dim; ++i)
          scene::at(in.values, in.values_view(), key, head, i) = static_cast<float>(support::not_a_number);
  std::ranges::fill(in.outputs, 2.0f);
  (void)run(in, score::l2{} | select::top_k{2} | halve{});
  for (std::size_t head = 0; head < 4; ++head)
    for (std::size_t i = 0; i < in.of.dim; ++i)
      CHECK(in.outputs[head * in.of.dim + i] ==
            (std::ranges::binary_search(kept, head) ? expected[head * in.of.dim + i] : 1.0f));
}

TEST_CASE("attend: is it really off? changing the values of a dropped head changes no output") {
  for (auto const& policy :
       {any_policy{support::last_first{} | select::top_k{2}}, any_policy{score::l2{} | select::top_k{2}}}) {
    scene in{{.heads = 5}};
    auto const kept = list(run(in, policy).chosen);
    for (std::size_t head = 0; head < in.of.heads; ++head) {
      auto changed = in;
      for (std::size_t key = 0; key < in.of.keys; ++key)
        for (std::size_t i = 0; i < in.of.dim; ++i) scene::at(changed.values, changed.values_view(), key, head, i) += 3;
      (void)run(changed, policy);
      CHECK((changed.outputs == in.outputs) == !std::ranges::binary_search(kept, head));
    }
  }
}

TEST_CASE("attend: outside its scope a policy computes and keeps every head, as dense does") {
  scene expected{{.heads = 6, .group = 3}};
  (void)run(expected, dense, {}, phase::prefill);
  auto const check = [&](auto const& policy) {
    scene in{expected.of};
    auto const seen = run(in, policy.during(phase::generation), {}, phase::prefill);
    CHECK(list(seen.chosen) == all_heads(in.of));
    CHECK(in.outputs == expected.outputs);
  };
  check(none);
  check(support::last_first{} | select::top_k{1});
  check(support::query_feature{} | select::top_k{1});
  check(score::entropy{} | select::top_k{1});
  check(support::output_feature{} | select::top_k{1});
  check(any_policy{support::output_feature{} | select::top_k{1}});
}

TEST_CASE("attend: edits act on weights after scores were taken, in order, on positions counted from the first key") {
  for (auto const& of : shapes()) {
    scene const in{of, 9};
    auto const last = of.first_key + of.keys - 1;
    auto const scores_of = [&](auto const& score) {
      std::vector<double> scores;
      for (std::size_t head = 0; head < of.heads; ++head) scores.push_back(score(head));
      return best(scores, 2);
    };
    auto edited = in.exact.weights();
    for (auto& row : edited) row.back() = 0;
    std::vector<any_edit> const hide{edit::omit{{{last, last + 5}, {0, 0}}}};
    if (of.first_key == 0)
      for (auto& row : edited) row.front() = 0;

    auto const by_row = scores_of([&](std::size_t head) { return in.exact.weights()[head].back(); });
    auto rows = in;
    CHECK(list(run(rows, support::newest_weight{} | select::top_k{2}, hide).chosen) == by_row);
    check_outputs(rows, edited, by_row);

    auto const by_output = scores_of([&](std::size_t head) { return in.exact.outputs(in.exact.weights())[head][0]; });
    auto outputs = in;
    CHECK(list(run(outputs, support::output_feature{} | select::top_k{2}, hide).chosen) == by_output);
    check_outputs(outputs, edited, by_output);

    auto nothing = in;
    std::vector<any_edit> const hide_all{edit::only{{{last, last}}}, edit::omit{{{last, last}}}};
    (void)run(nothing, dense, hide_all);
    CHECK(nothing.outputs == std::vector<float>(nothing.outputs.size(), 0.0f));
  }
}

TEST_CASE("attend: edits act in their scope only") {
  scene dense_in{{}};
  (void)run(dense_in, dense);
  std::vector<any_edit> const while_prefilling{any_edit{edit::null{}}.during(phase::prefill)};
  scene generating{{}};
  (void)run(generating, dense, while_prefilling);
  CHECK(generating.outputs == dense_in.outputs);
  scene prefilling{{}};
  (void)run(prefilling, dense, while_prefilling, phase::prefill);
  CHECK(prefilling.outputs == std::vector<float>(prefilling.outputs.size(), 0.0f));
}

TEST_CASE("attend: an edit of all heads gets every head's weights, though some were dropped before") {
  shape const of{.heads = 4, .group = 2, .first_key = 3};
  scene in{of};
  auto const policy = support::last_first{} | select::top_k{1};
  auto const seen = run(in, policy, {edit::balanced{{{4, 5}}}});
  CHECK(seen.computed == all_heads(of));
  CHECK(list(seen.chosen) == heads{3});
  auto weights = in.exact.weights();
  double mass = 0;
  for (auto const& row : weights) mass += row[1] + row[2];
  for (auto& row : weights) {
    std::ranges::fill(row, 0.0);
    row[1] = row[2] = mass / 8;
  }
  check_outputs(in, weights, {3});

  scene outside{of};
  CHECK(run(outside, policy, {any_edit{edit::balanced{{{4, 5}}}}.during(phase::prefill)}).computed == heads{3});
}

TEST_CASE("attend: edits of some heads leave the others as they are, and need no rows but theirs") {
  shape const of{.heads = 4, .first_key = 3};
  head_set last_two;
  last_two.insert(2);
  last_two.insert(3);
  scene hidden{of};
  (void)run(hidden, dense, {any_edit{edit::omit{{{3, 7}}}}.in_heads(last_two)});
  auto weights = hidden.exact.weights();
  for (std::size_t const head : {2, 3})
    for (std::size_t key = 0; key < 5; ++key) weights[head][key] = 0;
  check_outputs(hidden, weights, all_heads(of));

  scene balanced{of};
  auto const seen =
      run(balanced, support::last_first{} | select::top_k{1}, {any_edit{edit::balanced{{{4, 4}}}}.in_heads(last_two)});
  CHECK(seen.computed == heads{2, 3});
  weights = balanced.exact.weights();
  auto const mass = weights[2][1] + weights[3][1];
  std::ranges::fill(weights[3], 0.0);
  weights[3][1] = mass / 2;
  check_outputs(balanced, weights, {3});
}

TEST_CASE("attend: edits that take blocks away leave attention alone") {
  scene expected{{}};
  (void)run(expected, dense);
  scene in{{}};
  (void)run(in, dense, {edit::ablate{edit::block::attention}});
  CHECK(in.outputs == expected.outputs);
}

TEST_CASE("attend: with edits of rows, dropped heads are still never computed") {
  scene in{{.heads = 4}};
  in.poison(0);
  auto const seen = run(in, support::last_first{} | select::top_k{2}, {edit::omit{{{0, 3}}}});
  CHECK(seen.computed == heads{2, 3});
  CHECK(std::ranges::none_of(in.outputs, [](float value) { return std::isnan(value); }));
}

TEST_CASE("attend: a head whose weights are NaN is not preferred, and shows in no other head") {
  scene in{{.heads = 4}};
  auto clean = in;
  in.poison(2);
  auto const policy = score::entropy{} | select::top_k{3};
  CHECK(list(run(in, policy).chosen) == heads{0, 1, 3});
  (void)run(clean, dense);
  for (std::size_t const head : {0, 1, 3})
    for (std::size_t i = 0; i < in.of.dim; ++i)
      CHECK(in.outputs[head * in.of.dim + i] == clean.outputs[head * in.of.dim + i]);
}

TEST_CASE("attend: allocates nothing once its workspace has met the longest row") {
  std::vector<any_edit> const edits{edit::omit{{{2, 3}}}, any_edit{edit::balanced{{{1, 1}}}}.during(phase::prefill)};
  kernel::attention_workspace workspace;
  scene longest{{.heads = 4, .keys = 64}};
  kernel::attend(dense, longest.where(), longest.inputs(), edits, workspace, longest.outputs_view());
  auto const check = [&](auto const& policy) {
    for (std::size_t const keys : {3, 64, 17})
      for (auto const when : {phase::prefill, phase::generation}) {
        scene in{{.heads = 4, .keys = keys}};
        CHECK(support::allocations_of([&] {
                kernel::attend(policy, in.where(when), in.inputs(), edits, workspace, in.outputs_view());
              }) == 0);
      }
  };
  check(dense);
  check(support::query_feature{} | select::top_k{2});
  check(any_policy{score::entropy{} | select::top_k{2}});
  check(any_policy{support::output_feature{} | select::top_k{2}});
}

TEST_CASE("masks: zero, and rescale with the kept heads scaled up, agree with float64") {
  for (auto const& of : shapes()) {
    scene const in{of, 3};
    auto const nothing = [&](std::size_t) { return std::vector<double>(of.dim); };
    check_mask(in, mask::zero{}, {nothing});
    check_mask(in, mask::zero{mask::bias_rule::drop}, {nothing});
    auto const kept = static_cast<double>((of.heads + 1) / 2);
    check_mask(in, mask::rescale{}, {nothing, static_cast<double>(of.heads) / kept});
  }
}

TEST_CASE("masks: uniform gives the mean of all visible values") {
  for (auto const& of : shapes()) {
    scene const in{of, 3};
    check_mask(in, mask::uniform{}, {[&](std::size_t head) {
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
      check_mask(in, streaming, {[&](std::size_t head) {
                   std::vector<double> logits;
                   std::vector<std::size_t> seen;
                   for (std::size_t key = 0; key < of.keys; ++key) {
                     if (key >= streaming.sink && key + streaming.recent < of.keys) continue;
                     auto const& shared = in.exact.keys[key][head / of.group];
                     seen.push_back(key);
                     logits.push_back(
                         0.75 * std::inner_product(shared.begin(), shared.end(), in.exact.queries[head].begin(), 0.0));
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
    check_mask(in, mask::mean{known}, {[&](std::size_t head) {
                 auto const mean = layer.mean_of(head);
                 return std::vector<double>(mean.begin(), mean.end());
               }});
    mask::resample const resample{known, 11};
    auto const draw = uniform_number(11, {.position = in.where().position}, 0);
    check_mask(in, resample, {[&](std::size_t head) {
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
    mask::resample{known, seed}({.layer = 1, .row = row, .position = position, .heads = 2}, head,
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
