// Edits in kernel/attention.hpp: when they act, on which heads, and what they need computed.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/kernel/attention.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/parts.hpp>
#include <unit/kernel/support/scene.hpp>

using namespace headcount;
using namespace test;

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
