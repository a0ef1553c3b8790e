#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/scope.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/score/random.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_k.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>

using namespace headcount;

namespace {

constexpr auto entropy_of_two = score::entropy{} | select::top_k{2};
static_assert(
    std::is_same_v<decltype(entropy_of_two | mask::zero{}), policy<score::entropy, select::top_k, mask::zero>>);
static_assert(std::is_convertible_v<decltype(entropy_of_two), policy<score::entropy, select::top_k>>);
static_assert(std::is_convertible_v<decltype(entropy_of_two), any_policy>);
static_assert(sizeof(score::random{} | select::top_k{} | mask::zero{}) <=
                  sizeof(score::random) + sizeof(select::top_k) + sizeof(scope) + 8,
              "parts without parameters take no room");

// What cannot be composed is not, and what is no policy is not taken for one.
template <class Left, class Right>
concept composes = requires(Left left, Right right) { left | right; };
static_assert(composes<support::query_feature, support::even_heads>, "parts in any namespace");
static_assert(composes<decltype(support::query_feature{} | support::even_heads{}), support::constant>);
static_assert(!composes<std::string, std::vector<int>>);
static_assert(head_policy<std::remove_const_t<decltype(entropy_of_two)>> && head_policy<any_policy>);
static_assert(!head_policy<score::entropy> && !head_policy<select::top_k> && !head_policy<int>);

template <class Policy>
constexpr bool may_read_only(reading what) {
  for (auto const other : {reading::nothing, reading::input, reading::gate, reading::query, reading::row,
                           reading::output, reading::contribution})
    if (Policy::may_read(other) != (other == what)) return false;
  return true;
}
static_assert(may_read_only<decltype(support::last_first{} | select::top_k{})>(reading::nothing));
static_assert(may_read_only<decltype(support::query_feature{} | select::top_k{})>(reading::query));
static_assert(may_read_only<decltype(score::l2{} | select::top_k{})>(reading::row));
static_assert(may_read_only<decltype(support::output_feature{} | select::top_k{})>(reading::output));
static_assert(any_policy::may_read(reading::query) && any_policy::may_read(reading::output));

layer_set layers_of(std::initializer_list<std::size_t> layers) {
  layer_set set;
  for (auto const layer : layers) set.insert(layer);
  return set;
}

std::vector<std::size_t> kept(head_set const& set) { return {set.begin(), set.end()}; }
using heads = std::vector<std::size_t>;

}  // namespace

TEST_CASE("compose: a sentence in C++ holds the parts it was written with, and zeroes unless told") {
  auto const policy = score::entropy{1e-6} | select::top_k{3} | support::constant{4};
  CHECK(policy.score.eps == 1e-6);
  CHECK(policy.select.k == 3);
  CHECK(policy.mask.value == 4);
  CHECK_FALSE(policy.where.during);
  CHECK_FALSE(policy.where.layers);
  CHECK(print(entropy_of_two) == "entropy | top_k(2)");
  CHECK(entropy_of_two == (entropy_of_two | mask::zero{}));
  headcount::policy const deduced = score::entropy{} | select::top_k{2};
  static_assert(std::is_same_v<decltype(deduced), headcount::policy<score::entropy, select::top_k> const>);
}

TEST_CASE("compose: naming the mask keeps the scope, wherever it was said") {
  auto const early = entropy_of_two.during(phase::prefill).in_layers(layers_of({4})) | support::constant{};
  CHECK(print(early) == "entropy | top_k(2) | constant(7) @ prefill, layers=4");
  auto const late = (entropy_of_two | support::constant{}).in_layers(layers_of({4})).during(phase::prefill);
  CHECK(print(late) == print(early));
}

TEST_CASE("during and in_layers: give a narrower copy and leave the policy as it was") {
  auto const narrowed = entropy_of_two.during(phase::generation).in_layers(layers_of({1, 5}));
  CHECK(narrowed.where.during == phase::generation);
  CHECK(*narrowed.where.layers == layers_of({1, 5}));
  CHECK(narrowed.select.k == 2);
  CHECK_FALSE(entropy_of_two.where.during);
  CHECK(narrowed.during(phase::prefill).where.during == phase::prefill);
}

TEST_CASE("scope: covers a site when its phase and its layer do, both unless said otherwise") {
  site const prefill{.layer = 3, .phase = phase::prefill};
  site const generation{.layer = 3, .phase = phase::generation};
  CHECK((scope{}.covers(prefill) && scope{}.covers(generation)));
  scope const generating{.during = phase::generation, .layers = {}};
  CHECK((!generating.covers(prefill) && generating.covers(generation)));
  scope const third{.during = {}, .layers = layers_of({3})};
  CHECK((third.covers(prefill) && third.covers(generation) && !third.covers({.layer = 2})));
  scope const both{.during = phase::prefill, .layers = layers_of({3})};
  CHECK((both.covers(prefill) && !both.covers(generation)));
  CHECK_FALSE(both.covers({.layer = 4, .phase = phase::prefill}));
  CHECK_FALSE(scope{.during = {}, .layers = layer_set{}}.covers({.layer = 0}));
}

TEST_CASE("scope: a layer beyond the capacity of layer_set is covered by none but the scope of all layers") {
  CHECK(scope{}.covers({.layer = layer_set::capacity() + 64}));
  CHECK_FALSE(
      scope{.during = {}, .layers = layer_set::first(layer_set::capacity())}.covers({.layer = layer_set::capacity()}));
  CHECK_FALSE(scope{.during = {}, .layers = layer_set::first(1)}.covers({.layer = 1u << 30}));
}

TEST_CASE("dense keeps every head and none keeps no head, in all layers and phases") {
  for (auto const when : {phase::prefill, phase::generation}) {
    site const where{.layer = 9, .phase = when, .heads = 5};
    CHECK(decide(dense, where, no_evidence{}) == head_set::first(5));
    CHECK(decide(none, where, no_evidence{}).empty());
  }
  CHECK(print(dense) == "dense");
  CHECK(print(none) == "none");
  CHECK(print(none.during(phase::generation)) == "none @ generation");
}

TEST_CASE("decide: gives each scorer what it reads, head by head, and the selector all the scores") {
  site const where{.heads = 4};
  std::vector<std::vector<float>> const rows{{0.9f, 0.1f}, {0.2f, 0.8f}, {0.7f, 0.3f}, {0.4f, 0.6f}};
  auto const row = [&](std::size_t head) { return std::span<float const>{rows[head]}; };
  auto const query = [&](std::size_t head) { return head_query{rows[head]}; };
  auto const output = [&](std::size_t head) { return head_output{std::span<float const>{rows[head]}}; };
  CHECK(kept(decide(support::newest_weight{} | select::top_k{2}, where, row)) == heads{1, 3});
  CHECK(kept(decide(support::query_feature{} | select::top_k{2}, where, query)) == heads{0, 2});
  CHECK(kept(decide(support::output_feature{} | select::top_k{1}, where, output)) == heads{0});
  CHECK(kept(decide(support::last_first{} | select::top_k{1}, where, no_evidence{})) == heads{3});
  CHECK(kept(decide(support::newest_weight{} | select::threshold{0.5}, where, row)) == heads{1, 3});
}

TEST_CASE("decide: where the scope does not reach every head is kept, and nothing is asked") {
  site const where{.phase = phase::prefill, .heads = 3};
  auto const unasked = [](std::size_t) -> row_view {
    FAIL("no evidence is needed here");
    return {};
  };
  CHECK(kept(decide((score::l2{} | select::top_k{1}).during(phase::generation), where, unasked)) == heads{0, 1, 2});
}

TEST_CASE("decide: a scorer that reads nothing is asked without evidence") {
  auto const unasked = [](std::size_t) -> row_view {
    FAIL("no evidence is needed here");
    return {};
  };
  auto const policy = support::last_first{} | select::top_k{1};
  CHECK(kept(decide(policy, {.heads = 3}, unasked)) == heads{2});
  CHECK(kept(decide(any_policy{policy}, {.heads = 3}, unasked)) == heads{2});
}

TEST_CASE("decide: the scores it gives out are those of every head, in or out of scope") {
  std::vector<float> const row{0.6f, 0.8f};
  auto const rows = [&](std::size_t) { return std::span<float const>{row}; };
  auto const policy = (score::l2{} | select::top_k{1}).during(phase::generation);
  for (auto const when : {phase::prefill, phase::generation}) {
    head_scores scores{};
    scores[2] = -1;
    auto const set = decide(policy, {.phase = when, .heads = 2}, rows, scores);
    CHECK(set.size() == (when == phase::generation ? 1 : 2));
    for (std::size_t const head : {0, 1}) CHECK(scores[head] == doctest::Approx(1).epsilon(1e-6));
    CHECK(scores[2] == -1);
  }
}

TEST_CASE("decide: as many heads as head_set holds can be scored and kept") {
  auto const policy = support::last_first{} | select::top_k{1};
  CHECK(kept(decide(policy, {.heads = head_set::capacity()}, no_evidence{})) == heads{head_set::capacity() - 1});
}

TEST_CASE("validate: heads, bounds of every part, and what a part asks itself") {
  site const where{.layer = 7, .heads = 4};
  CHECK_NOTHROW(validate(score::entropy{} | select::top_k{4}, where));
  CHECK_THROWS_WITH_AS(validate(score::entropy{} | select::top_k{5}, where),
                       "top_k(5): layer 7 has 4 heads (allowed: k from 0 to 4)", error);
  CHECK_THROWS_WITH_AS(validate(score::entropy{0.5} | select::top_k{4}, where),
                       "entropy, eps = 0.5: out of range (allowed: 1e-30 to 0.001)", error);
  CHECK_THROWS_AS(validate(score::entropy{support::not_a_number} | select::top_k{4}, where), error);
  CHECK_THROWS_AS(validate(score::l2{} | select::threshold{-support::infinity}, where), error);
  CHECK_THROWS_AS(validate(score::l2{} | select::top_k{} | support::constant{support::not_a_number}, where), error);
  CHECK_THROWS_WITH_AS(validate(dense, {.layer = 7, .heads = 257}), "layer 7: it has 257 heads (allowed: at most 256)",
                       error);
}

TEST_CASE("validate: parts are asked only in layers that the scope names") {
  auto const policy = (score::l2{} | select::top_k{5}).in_layers(layers_of({3}));
  CHECK_NOTHROW(validate(policy, {.layer = 2, .heads = 4}));
  CHECK_THROWS_AS(validate(policy, {.layer = 3, .heads = 4}), error);
  CHECK_NOTHROW(validate(policy, {.layer = 3, .heads = 5}));
  CHECK_THROWS_AS(validate(policy, {.layer = 2, .heads = 257}), error);
}

TEST_CASE("validate: heads that cannot share key/value heads evenly are refused") {
  CHECK_THROWS_WITH_AS(validate(dense, {.layer = 7, .heads = 6, .group = 4}),
                       "layer 7: its 6 heads cannot share key/value heads by 4 (allowed: a group size that divides the "
                       "heads)",
                       error);
  CHECK_THROWS_AS(validate(dense, {.heads = 6, .group = 0}), error);
  CHECK_NOTHROW(validate(dense, {.heads = 6, .group = 3}));
}

TEST_CASE("validate: says of any_policy what it says of the policy of known parts") {
  site const where{.layer = 7, .heads = 4};
  auto const message = [&](auto const& policy) {
    try {
      validate(policy, where);
    } catch (error const& problem) {
      return std::string{problem.what()};
    }
    return std::string{};
  };
  auto const check = [&](auto const& policy) {
    CHECK_FALSE(message(policy).empty());
    CHECK(message(any_policy{policy}) == message(policy));
  };
  check(score::entropy{} | select::top_k{5});
  check(score::entropy{0.5} | select::top_k{4});
  check(score::l2{} | select::top_k{} | support::constant{support::infinity});
  CHECK(message(any_policy{score::l2{} | select::top_k{4}}).empty());
}
