// kernel/attention.hpp: what it computes, which heads it computes and keeps, and what it leaves alone.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/kernel/attention.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/allocations.hpp>
#include <support/float64.hpp>
#include <support/parts.hpp>
#include <unit/kernel/support/scene.hpp>

using namespace headcount;
using namespace test;

namespace {

/// A mask that would show NaN had the values been summed into the output before.
struct halve {
  static constexpr std::string_view name = "halve";
  [[nodiscard]] mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  void operator()(auto&& output) const noexcept {
    for (auto& value : output) value *= 0.5f;
  }
};

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
        auto const where = in.where(when);
        auto const inputs = in.inputs();
        std::span<any_edit const> const same_edits{edits};
        auto const outputs = in.outputs_view();
        kernel::no_observer nobody;
        static_assert(noexcept(kernel::attend(policy, where, inputs, same_edits, outputs, outputs, nobody)));
      }
  };
  check(dense);
  check(support::query_feature{} | select::top_k{2});
  check(any_policy{score::entropy{} | select::top_k{2}});
  check(any_policy{support::output_feature{} | select::top_k{2}});
}
