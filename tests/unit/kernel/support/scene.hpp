#pragma once

// One query position of a layer in float, as attention reads it, beside the same numbers in float64.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/policy/any_edit.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>

namespace test {

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

inline std::vector<shape> shapes() {
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

  [[nodiscard]] headcount::strided_view<float const, 3> keys_view() const {
    auto const axis = [](std::size_t stride) { return static_cast<std::ptrdiff_t>(stride); };
    if (!of.keys_side_by_side) return {keys.data(), {of.keys, of.shared(), of.dim}};
    return {keys.data(), {of.keys, of.shared(), of.dim}, {1, axis(of.dim * of.keys), axis(of.keys)}};
  }
  [[nodiscard]] headcount::strided_view<float const, 3> values_view() const {
    return {values.data(), {of.keys, of.shared(), of.dim}};
  }
  [[nodiscard]] headcount::kernel::attention_inputs inputs() const {
    return {.queries = {queries.data(), {of.heads, of.dim}},
            .keys = keys_view(),
            .values = values_view(),
            .scale = 0.75f,
            .first_key = of.first_key};
  }
  [[nodiscard]] headcount::site where(headcount::phase when = headcount::phase::generation) const {
    return {.layer = 1, .phase = when, .position = of.first_key + of.keys - 1, .heads = of.heads, .group = of.group};
  }
  [[nodiscard]] headcount::strided_view<float, 2> outputs_view() { return {outputs.data(), {of.heads, of.dim}}; }

  /// The element of `memory` that `view`, a view of it, has at an index.
  static float& at(std::vector<float>& memory, headcount::strided_view<float const, 3> view, std::size_t key,
                   std::size_t shared, std::size_t i) {
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

/// Remembers the rows that were computed and the heads that were kept.
struct recorder {
  std::vector<std::size_t> computed;
  std::vector<std::vector<float>> rows;
  headcount::head_set chosen;
  int decisions = 0;

  void row(headcount::site const&, std::size_t head, std::span<float const> weights) {
    computed.push_back(head);
    rows.emplace_back(weights.begin(), weights.end());
  }
  void kept(headcount::site const&, headcount::head_set const& set) {
    chosen = set;
    ++decisions;
  }
};

template <class Policy>
recorder run(scene& in, Policy const& policy, std::vector<headcount::any_edit> const& edits = {},
             headcount::phase when = headcount::phase::generation) {
  headcount::kernel::attention_workspace workspace;
  recorder seen;
  headcount::kernel::attend(policy, in.where(when), in.inputs(), edits, workspace, in.outputs_view(), seen);
  return seen;
}

using heads = std::vector<std::size_t>;
inline heads all_heads(shape const& of) {
  heads all;
  while (all.size() < of.heads) all.push_back(all.size());
  return all;
}

/// The `k` heads with the highest scores, by sorting.
inline heads best(std::vector<double> const& scores, std::size_t k) {
  heads order;
  while (order.size() < scores.size()) order.push_back(order.size());
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  order.resize(k);
  std::ranges::sort(order);
  return order;
}

/// Checks a run against float64: `kept` heads give the outputs of `weights`, the others `dropped`.
inline void check_outputs(scene const& in, std::vector<std::vector<double>> const& weights, heads const& kept,
                          double dropped = 0) {
  auto const exact = in.exact.outputs(weights);
  for (std::size_t head = 0; head < in.of.heads; ++head)
    for (std::size_t i = 0; i < in.of.dim; ++i) {
      bool const is_kept = std::ranges::binary_search(kept, head);
      REQUIRE(std::abs(double{in.outputs[head * in.of.dim + i]} - (is_kept ? exact[head][i] : dropped)) < 2e-6);
    }
}

inline heads list(headcount::head_set const& set) { return {set.begin(), set.end()}; }

}  // namespace test
