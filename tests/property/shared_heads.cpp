// kernel/shared_heads.hpp, and attend, which works with it: beside one head at a time, and beside float64.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <headcount/core/head_set.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/kernel/shared_heads.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/property.hpp>

using namespace headcount;

namespace {

/// How keys lie: token by token, head by head, or feature by feature, which is how the reference's cache holds them.
enum class order { tokens, heads, features };

/// A layer's attention at one position, somewhere in memory, with gaps.
struct layer {
  std::size_t shared, group, keys, dim;
  order lie;
  std::vector<float> queries{}, key_memory{}, value_memory{};
  std::size_t offset = 0;

  [[nodiscard]] std::size_t heads() const { return shared * group; }

  [[nodiscard]] strided_view<float const, 3> view(std::vector<float> const& memory, order how) const {
    auto const axis = [](std::size_t stride) { return static_cast<std::ptrdiff_t>(stride); };
    std::array<std::size_t, 3> const extents{keys, shared, dim};
    auto const* const from = memory.data() + offset;
    if (how == order::tokens) return {from, extents, {axis(shared * dim), axis(dim), 1}};
    if (how == order::heads) return {from, extents, {axis(dim + 3), axis(keys * (dim + 3)), 1}};
    return {from, extents, {1, axis(dim * (keys + 5)), axis(keys + 5)}};
  }
  [[nodiscard]] kernel::attention_inputs inputs() const {
    return {.queries = {queries.data(), {heads(), dim}},
            .keys = view(key_memory, lie),
            .values = view(value_memory, lie == order::features ? order::tokens : lie),
            .scale = 0.3f};
  }
  [[nodiscard]] site where() const { return {.position = keys - 1, .heads = heads(), .group = group}; }
};

/// Numbers that `number` draws, in a layer of any shape; what lies in gaps is NaN.
template <class Number>
layer random_layer(Number const& number) {
  layer of{
      .shared = *rc::gen::inRange<std::size_t>(1, 4),
      .group = *rc::gen::inRange<std::size_t>(1, 12),
      .keys = *rc::gen::weightedOneOf<std::size_t>(
          {{3, rc::gen::inRange<std::size_t>(1, 40)}, {1, rc::gen::inRange<std::size_t>(60, 210)}}),
      .dim = *rc::gen::weightedOneOf<std::size_t>(
          {{2, rc::gen::inRange<std::size_t>(1, 40)}, {1, rc::gen::element<std::size_t>(64, 80, 128, 144, 256, 272)}}),
      .lie = *rc::gen::element(order::tokens, order::heads, order::features)};
  of.offset = *rc::gen::inRange<std::size_t>(0, 4);
  auto const room = of.offset + of.shared * (of.dim + 3) * (of.keys + 5);
  support::numbers draw{*rc::gen::arbitrary<std::uint64_t>()};
  of.key_memory.assign(room, std::numeric_limits<float>::quiet_NaN());
  of.value_memory = of.key_memory;
  auto const in = of.inputs();
  of.queries.resize(of.heads() * of.dim);
  for (auto& value : of.queries) value = number(draw);
  for (auto [memory, view] : {std::pair{&of.key_memory, in.keys}, {&of.value_memory, in.values}})
    for (std::size_t key = 0; key < of.keys; ++key)
      for (std::size_t head = 0; head < of.shared; ++head)
        for (std::size_t i = 0; i < of.dim; ++i)
          (*memory)[static_cast<std::size_t>(&view(key, head, i) - memory->data())] = number(draw);
  return of;
}

float common(support::numbers& draw) { return static_cast<float>(draw.between(-1, 1)); }

/// Now and then what is hard to add up.
float any_pattern(support::numbers& draw) {
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  auto const which = draw.below(400);
  constexpr std::array rare{infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), 1e15f, -1e15f, 1e-40f, -0.0f};
  return which < rare.size() ? rare[which] : common(draw);
}

head_set random_heads(std::size_t heads) {
  head_set some;
  for (std::size_t head = 0; head < heads; ++head)
    if (*rc::gen::inRange(0, 3) != 0) some.insert(head);
  return some;
}

/// The same number, or one as near as sums of `size` in another rounding are.
bool near(float a, float b, double size) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(double{a} - double{b}) <= 2e-6 * size;
}

double size_of(strided_view<float const, 1> a, strided_view<float const, 1> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(double{a[i]} * double{b[i]});
  return sum;
}

/// The same bits; of NaN nobody says which.
bool same_bits(std::span<float const> a, std::span<float const> b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return std::isnan(x) ? std::isnan(y) : std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

}  // namespace

TEST_CASE("shared_heads, shared_keys: logits are those of each head alone, whatever the numbers") {
  support::check_property(150, [] {
    auto const of = random_layer(any_pattern);
    auto const in = of.inputs();
    auto const among = random_heads(of.heads());
    std::vector<float> memory(of.heads() * of.keys, 7.0f);
    strided_view<float, 2> const rows{memory.data(), {of.heads(), of.keys}};
    kernel::shared_logits(among, of.group, in.queries, in.keys, in.scale, rows);
    std::vector<float> alone(of.keys), expected(of.keys);
    for (std::size_t head = 0; head < of.heads(); ++head) {
      if (!among.contains(head)) {
        RC_ASSERT(std::ranges::all_of(rows[head], [](float logit) { return logit == 7; }));
        continue;
      }
      kernel::qk_logits(in, of.where(), head, 0, expected);
      for (std::size_t key = 0; key < of.keys; ++key)
        RC_ASSERT(near(rows(head, key), expected[key], size_of(in.queries[head], in.keys[key][head / of.group])));
      head_set just;
      just.insert(head);
      std::vector<float> others(memory.size());
      kernel::shared_logits(just, of.group, in.queries, in.keys, in.scale, {others.data(), {of.heads(), of.keys}});
      RC_ASSERT(same_bits(rows[head].as_span(), std::span{others}.subspan(head * of.keys, of.keys)));
    }
  });
}

TEST_CASE("shared_heads, shared_values: outputs are those of each head alone, whatever the numbers") {
  support::check_property(150, [] {
    auto const of = random_layer(any_pattern);
    auto const in = of.inputs();
    auto const among = random_heads(of.heads());
    support::numbers draw{*rc::gen::arbitrary<std::uint64_t>()};
    std::vector<float> weights(of.heads() * of.keys);
    for (auto& weight : weights) weight = any_pattern(draw);
    strided_view<float, 2> const rows{weights.data(), {of.heads(), of.keys}};
    std::vector<float> memory(of.heads() * of.dim, 7.0f), others(memory.size()), expected(of.dim);
    strided_view<float, 2> const outputs{memory.data(), {of.heads(), of.dim}};
    kernel::shared_outputs(among, of.group, rows, in.values, outputs);
    for (std::size_t head = 0; head < of.heads(); ++head) {
      if (!among.contains(head)) {
        RC_ASSERT(std::ranges::all_of(outputs[head], [](float value) { return value == 7; }));
        continue;
      }
      kernel::sum_values(in, of.where(), head, rows[head].as_span(), expected);
      for (std::size_t i = 0; i < of.dim; ++i) {
        strided_view<float const, 1> const column{&in.values(0, head / of.group, i), {of.keys}, {in.values.stride(0)}};
        RC_ASSERT(near(outputs(head, i), expected[i], size_of(rows[head], column)));
      }
      head_set just;
      just.insert(head);
      kernel::shared_outputs(just, of.group, rows, in.values, {others.data(), {of.heads(), of.dim}});
      RC_ASSERT(same_bits(outputs[head].as_span(), std::span{others}.subspan(head * of.dim, of.dim)));
    }
  });
}

TEST_CASE("attend: chooses by the rows of each head alone, and its outputs agree with float64, in any layer") {
  support::check_property(150, [] {
    auto const of = random_layer(common);
    auto const in = of.inputs();
    auto const k = *rc::gen::inRange<std::size_t>(0, of.heads() + 1);
    support::attention_problem exact;
    exact.scale = static_cast<double>(in.scale);
    exact.group = of.group;
    auto const widened = [&](auto const& view) { return std::vector<double>(view.begin(), view.end()); };
    for (std::size_t head = 0; head < of.heads(); ++head) exact.queries.push_back(widened(in.queries[head]));
    for (std::size_t key = 0; key < of.keys; ++key) {
      auto& keys = exact.keys.emplace_back();
      auto& values = exact.values.emplace_back();
      for (std::size_t head = 0; head < of.shared; ++head) {
        keys.push_back(widened(in.keys[key][head]));
        values.push_back(widened(in.values[key][head]));
      }
    }
    auto const outputs = exact.outputs(exact.weights());
    auto const check = [&](auto const& policy) {
      std::vector<float> rows(of.heads() * of.keys), memory(of.heads() * of.dim, 7.0f);
      strided_view<float, 2> const alone{rows.data(), {of.heads(), of.keys}};
      for (std::size_t head = 0; head < of.heads(); ++head)
        kernel::weigh_keys(in, of.where(), head, alone[head].as_span());
      auto const expected = decide(policy, of.where(), [&](std::size_t head) -> row_view { return alone[head]; });
      kernel::attention_workspace workspace;
      auto const kept = kernel::attend(policy, of.where(), in, {}, workspace, {memory.data(), {of.heads(), of.dim}});
      RC_ASSERT(kept == expected);
      for (std::size_t head = 0; head < of.heads(); ++head)
        for (std::size_t i = 0; i < of.dim; ++i)
          RC_ASSERT(std::abs(double{memory[head * of.dim + i]} - (kept.contains(head) ? outputs[head][i] : 0)) < 5e-6);
    };
    check(score::entropy{} | select::top_k{k});
    check(any_policy{score::l2{} | select::top_k{k}});
    check(any_policy{score::max{} | select::bottom_k{k}});
  });
}

TEST_CASE("attend: a row of minus infinities or with NaN is NaN, as its formula is, and no other is") {
  constexpr std::size_t heads = 6, group = 2, keys = 70, dim = 20;
  for (float const bad : {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> queries(heads * dim, 1.0f), key_memory(keys * heads / group * dim, 0.5f), outputs(heads * dim);
    std::vector<float> const values(key_memory.size(), 2.0f);
    for (std::size_t key = 0; key < keys; ++key)
      for (std::size_t i = 0; i < dim; ++i)
        if (bad < 0 || key == 65) key_memory[(key * heads / group + 1) * dim + i] = bad;
    kernel::attention_workspace workspace;
    auto const kept = kernel::attend(score::entropy{} | select::top_k{4}, site{.heads = heads, .group = group},
                                     {.queries = {queries.data(), {heads, dim}},
                                      .keys = {key_memory.data(), {keys, heads / group, dim}},
                                      .values = {values.data(), {keys, heads / group, dim}}},
                                     {}, workspace, {outputs.data(), {heads, dim}});
    CHECK(std::vector<std::size_t>(kept.begin(), kept.end()) == std::vector<std::size_t>{0, 1, 4, 5});
    kernel::attend(dense, site{.heads = heads, .group = group},
                   {.queries = {queries.data(), {heads, dim}},
                    .keys = {key_memory.data(), {keys, heads / group, dim}},
                    .values = {values.data(), {keys, heads / group, dim}}},
                   {}, workspace, {outputs.data(), {heads, dim}});
    for (std::size_t head = 0; head < heads; ++head) CHECK(std::isnan(outputs[head * dim]) == (head / group == 1));
  }
}

TEST_CASE("lanes: sums of lanes are those of dot") {
  std::array<kernel::lanes, 16> vectors;
  std::array<std::array<float, 16>, 16> numbers;
  support::numbers draw{3};
  for (std::size_t i = 0; i < 16; ++i) {
    for (auto& number : numbers[i]) number = common(draw);
    kernel::all_lanes::load(vectors[i], numbers[i].data());
  }
  std::array<float, 16> const ones{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  auto const check = [&]<std::size_t Count>(std::integral_constant<std::size_t, Count>) {
    std::array<kernel::lanes, Count> some;
    for (std::size_t i = 0; i < Count; ++i) some[i] = vectors[i % vectors.size()];
    std::array<float, Count> sums;
    kernel::sum_lanes(some, sums.data());
    for (std::size_t i = 0; i < Count; ++i) CHECK(sums[i] == kernel::dot(numbers[i % numbers.size()], ones));
  };
  check(std::integral_constant<std::size_t, 1>{});
  check(std::integral_constant<std::size_t, 2>{});
  check(std::integral_constant<std::size_t, 4>{});
  check(std::integral_constant<std::size_t, 5>{});
  check(std::integral_constant<std::size_t, 8>{});
  check(std::integral_constant<std::size_t, 16>{});
  check(std::integral_constant<std::size_t, 20>{});
}
