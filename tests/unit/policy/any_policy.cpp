#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/allocations.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>

using namespace headcount;

static_assert(std::convertible_to<decltype(score::entropy{} | select::top_k{5}), any_policy>);
static_assert(
    std::convertible_to<decltype(support::query_feature{} | support::even_heads{} | support::constant{}), any_policy>);
static_assert(std::is_copy_constructible_v<any_policy> && std::is_default_constructible_v<any_policy>);
static_assert(!scorer<any_scorer> && !selector<any_selector> && !head_mask<any_mask>, "they hold parts, they are none");
static_assert(!std::convertible_to<select::top_k, any_scorer> && !std::convertible_to<score::l2, any_selector>);

namespace {

/// The tensors of one layer: weights [batch, head, query, key] and outputs [batch, query, head, dim].
struct layer {
  static constexpr std::size_t batch = 2, heads = 5, queries = 3, keys = 7, dim = 4;
  std::vector<float> weights;
  std::vector<float> outputs;

  explicit layer(std::uint64_t seed) {
    support::numbers draw{seed};
    for (std::size_t row = 0; row < batch * heads * queries; ++row)
      for (double const weight : support::softmax(draw.list(keys, -3, 3)))
        weights.push_back(static_cast<float>(weight));
    outputs = support::as<float>(draw.list(batch * queries * heads * dim, -1, 1));
  }
  [[nodiscard]] strided_view<float const, 4> weights_view() const {
    return {weights.data(), {batch, heads, queries, keys}};
  }
  [[nodiscard]] strided_view<float, 4> outputs_view() { return {outputs.data(), {batch, queries, heads, dim}}; }
};

/// Checks that a policy and its erased form keep the same heads, give the same scores and make the same outputs.
template <class Policy>
void check_same(Policy const& known) {
  any_policy const any = known;
  CAPTURE(print(any));
  CHECK(print(any) == print(known));
  CHECK(any.reads() == known.reads());
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    layer const tensors{seed};
    auto const check = [&](auto const& evidence) {
      for (std::size_t position = 0; position < 4; ++position) {
        site const where{.layer = seed, .position = position, .heads = layer::heads};
        head_scores of_known{}, of_any{};
        CHECK(decide(any, where, evidence, of_any) == decide(known, where, evidence, of_known));
        CHECK(of_any == of_known);
        CHECK(decide(any, where, evidence) == decide(known, where, evidence));
      }
    };
    strided_view<float const, 2> const rows{tensors.weights.data(), {layer::heads, layer::keys}};
    strided_view<float const, 2> const columns{tensors.weights.data(), {layer::heads, layer::keys}, {1, layer::heads}};
    if constexpr (Policy::may_read(reading::query)) {
      check([&](std::size_t head) { return head_query{rows[head].as_span()}; });
    } else {
      for (auto const& view : {rows, columns}) {
        if constexpr (Policy::may_read(reading::output))
          check([&](std::size_t head) { return head_output{view[head]}; });
        else check([&](std::size_t head) { return view[head]; });
      }
      auto masked_by_known = tensors, masked_by_any = tensors;
      sparsify(known, {.layer = 3}, tensors.weights_view(), masked_by_known.outputs_view());
      sparsify(any, {.layer = 3}, tensors.weights_view(), masked_by_any.outputs_view());
      CHECK(masked_by_any.outputs == masked_by_known.outputs);
    }
  }
}

}  // namespace

TEST_CASE("any_policy: keeps, scores and masks as the policy of known parts") {
  layer_set third;
  third.insert(3);
  check_same(dense);
  check_same(none);
  check_same(none.during(phase::prefill));
  check_same(score::entropy{} | select::top_k{2});
  check_same((score::entropy{1e-4} | select::threshold{-2}).in_layers(third));
  check_same(score::l2{} | select::top_k{3} | support::constant{-2});
  check_same(score::random{5} | select::top_k{2});
  check_same((score::random{5} | select::threshold{0.5}).during(phase::generation));
  check_same(support::last_first{} | support::even_heads{});
  check_same(support::query_feature{} | select::top_k{2} | support::constant{});
  check_same(support::newest_weight{} | select::top_k{2} | support::constant{});
  check_same(support::output_feature{} | select::top_k{2} | support::constant{});
}

TEST_CASE("any_policy: is dense by default, and copies share parts that never change") {
  any_policy policy;
  CHECK(print(policy) == "dense");
  policy = score::l2{} | select::top_k{1};
  auto const copy = policy;
  policy = none;
  CHECK(print(copy) == "l2 | top_k(1)");
  CHECK(print(policy) == "none");
  CHECK(print(copy.during(phase::prefill)) == "l2 | top_k(1) @ prefill");
  CHECK(print(copy) == "l2 | top_k(1)");
}

TEST_CASE("any_policy: allocates nothing once it was made, and copying it neither") {
  any_policy const policy = (score::entropy{} | select::top_k{2} | support::constant{}).during(phase::generation);
  layer tensors{1};
  auto const weights = tensors.weights_view();
  auto const outputs = tensors.outputs_view();
  CHECK(support::allocations_of([] { delete new int{3}; }) == 1);
  CHECK(support::allocations_of([&] { sparsify(policy, {}, weights, outputs); }) == 0);
  CHECK(support::allocations_of([&] {
          auto const copy = policy.during(phase::prefill);
          sparsify(copy, {.phase = phase::prefill}, weights, outputs);
        }) == 0);
  CHECK(tensors.outputs != layer{1}.outputs);
}

TEST_CASE("any_edit: edits the rows that were computed as its edit does, and leaves the others alone") {
  std::vector<float> weights(15, 0.2f);
  strided_view<float, 2> const rows{weights.data(), {3, 5}};
  head_set computed;
  computed.insert(2);
  any_edit const hide = edit::omit{{{4, 5}}};
  hide(rows, computed, {.first = 3});  // keys at positions 3 to 7
  CHECK(weights ==
        std::vector{0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.2f, 0.0f, 0.0f, 0.2f, 0.2f});
}

TEST_CASE("any_edit: an edit of all heads gets the rows of every head") {
  std::vector<float> weights{1, 0, 0, 1, 0.5f, 0.5f};
  any_edit const balance = edit::balanced{{{0, 0}}};
  CHECK(balance.needed_heads(head_set::first(3)) == head_set::first(3));
  CHECK(any_edit{edit::null{}}.needed_heads(head_set::first(3)).empty());
  balance({weights.data(), {3, 2}}, {}, {});
  CHECK(weights == std::vector{0.5f, 0.0f, 0.5f, 0.0f, 0.5f, 0.0f});
}

TEST_CASE("any_edit: limited to some heads it leaves the weights of the others alone") {
  std::vector<float> const before{1, 0, 0, 1, 0.5f, 0.5f};
  head_set last_two;
  last_two.insert(1);
  last_two.insert(2);
  auto const edited = [&](any_edit const& edit, head_set const& computed) {
    auto weights = before;
    edit.in_heads(last_two)({weights.data(), {3, 2}}, computed, {});
    return weights;
  };
  CHECK(edited(edit::null{}, head_set::first(3)) == std::vector<float>{1, 0, 0, 0, 0, 0});
  CHECK(edited(edit::null{}, head_set::first(2)) == std::vector<float>{1, 0, 0, 0, 0.5f, 0.5f});
  CHECK(edited(edit::balanced{{{0, 0}}}, {}) == std::vector<float>{1, 0, 0.25f, 0, 0.25f, 0});
  CHECK(any_edit{edit::balanced{{{0, 0}}}}.in_heads(last_two).needed_heads(head_set::first(2)).size() == 1);
}

TEST_CASE("any_edit: refuses parameters out of bounds and heads that a layer does not have") {
  site const where{.layer = 3, .heads = 4};
  auto const scale = any_edit{edit::scale{{{1, 2}}, 0.5}}.in_heads(head_set::first(5));
  CHECK_THROWS_WITH_AS(scale.validate(where),
                       "edit \"scale(1-2, 0.5) @ all, heads=0-4\": layer 3 has 4 heads (allowed: heads 0 to 3)", error);
  CHECK_NOTHROW(scale.in_heads(head_set::first(4)).validate(where));
  any_edit const negative = edit::scale{{{1, 2}}, -0.5};
  CHECK_THROWS_AS(negative.validate(where), error);
}

TEST_CASE("any_policy: evidence that its scorer does not read is told, and what it reads is taken") {
  layer const tensors{1};
  strided_view<float const, 2> const rows{tensors.weights.data(), {layer::heads, layer::keys}};
  auto const row = [&](std::size_t head) -> row_view { return rows[head]; };
  auto const output = [&](std::size_t head) { return head_output{rows[head]}; };
  site const where{.heads = layer::heads};
  any_policy const by_rows = score::entropy{} | select::top_k{2};
  any_policy const by_outputs = score::output_norm{} | select::top_k{2};
  any_policy const by_nothing = score::random{1} | select::top_k{2};
  CHECK(decide(by_rows, where, row).size() == 2);
  CHECK(decide(by_outputs, where, output).size() == 2);
  CHECK(decide(by_nothing, where, row) == decide(by_nothing, where, no_evidence{}));
  auto const message = [&](any_policy const& policy, auto const& evidence) {
    try {
      (void)decide(policy, where, evidence);
    } catch (error const& found) {
      return std::string{found.what()};
    }
    return std::string{};
  };
  auto const allowed = std::string{" (allowed: attention_tensors with all that it reads)"};
  CHECK(message(by_outputs, row) == "decide: the policy's scorer reads outputs, the evidence gives rows" + allowed);
  CHECK(message(by_rows, output) == "decide: the policy's scorer reads rows, the evidence gives outputs" + allowed);
  CHECK(message(by_rows, no_evidence{}) ==
        "decide: the policy's scorer reads rows, the evidence gives nothing" + allowed);
  // Where its scope does not reach, nothing is scored. What is known at compile time throws nothing.
  CHECK(decide(by_outputs.during(phase::generation), {.phase = phase::prefill, .heads = 3}, row).size() == 3);
  auto const known = score::entropy{} | select::top_k{2};
  attention_tensors const all{};
  static_assert(noexcept(decide(known, where, row)));
  static_assert(noexcept(decide(by_rows, where, all)));
}

TEST_CASE("any_policy: more heads than a set holds are told") {
  std::vector<float> const weights(2 * (head_set::capacity() + 1), 0.5f);
  auto const row = [&](std::size_t head) { return row_view{std::span{weights}.subspan(2 * head, 2)}; };
  any_policy const policy = score::entropy{} | select::top_k{1};
  CHECK(decide(policy, {.layer = 3, .heads = head_set::capacity()}, row).size() == 1);
  CHECK_THROWS_WITH_AS((void)decide(policy, {.layer = 3, .heads = head_set::capacity() + 1}, row),
                       "layer 3: it has 257 heads (allowed: at most 256)", error);
  CHECK(head_set::first(head_set::capacity() + 1) == head_set::first(head_set::capacity()));
}

TEST_CASE("any_policy: what remembers from token to token is told that a callable does not") {
  layer const tensors{1};
  strided_view<float const, 2> const rows{tensors.weights.data(), {layer::heads, layer::keys}};
  auto const row = [&](std::size_t head) -> row_view { return rows[head]; };
  site const where{.heads = layer::heads};
  auto const expected =
      "decide: the policy remembers from token to token, the evidence does not (allowed: attention_tensors with the "
      "memory of a scorer_state)";
  any_policy const smoothed = score::ema{0.5, score::entropy{}} | select::top_k{2};
  any_policy const holding = score::entropy{} | select::hysteresis{.enter = -1, .leave = -2};
  auto const known = score::entropy{} | select::hysteresis{.enter = -1, .leave = -2};
  CHECK_THROWS_WITH_AS((void)decide(smoothed, where, row), expected, error);
  CHECK_THROWS_WITH_AS((void)decide(holding, where, row), expected, error);
  CHECK_THROWS_WITH_AS((void)decide(known, where, row), expected, error);

  // With a memory beside, the selector has it.
  head_scores scores;
  std::vector<double> memory(where.heads, 1.0);
  auto own = memory;
  auto const chosen = decide(known, where, row, scores, memory);
  CHECK(chosen == known.select(std::span<double const>{scores}.first(where.heads), where, own));
  CHECK(memory == own);
}

TEST_CASE("any_edit: of what is not weights it says what is taken away, and leaves weights alone") {
  any_edit const ablate = edit::ablate{edit::block::mamba, {{0, 63}}};
  REQUIRE(ablate.ablation() != nullptr);
  CHECK(ablate.ablation()->what == edit::block::mamba);
  CHECK_FALSE(ablate.edits_weights({}));
  CHECK(any_edit{edit::null{}}.edits_weights({}));
  CHECK(any_edit{edit::null{}}.ablation() == nullptr);
  CHECK(print(ablate.during(phase::generation)) == "ablate(mamba, channels=0-63) @ generation");
}

TEST_CASE("any_edit: prints its edit and its scope, and during gives a narrower copy") {
  any_edit const everywhere{edit::omit{{{3, 5}, {9, 9}}}};
  CHECK(print(everywhere) == "omit(3-5,9)");
  CHECK(print(everywhere.during(phase::generation)) == "omit(3-5,9) @ generation");
  CHECK(print(everywhere) == "omit(3-5,9)");
  layer_set second;
  second.insert(2);
  CHECK(print(any_edit{edit::null{}, {.during = {}, .layers = second}}) == "null @ all, layers=2");
  CHECK(print(any_edit{edit::null{}}.in_heads(head_set::first(3))) == "null @ all, heads=0-2");
}

TEST_CASE("any_edit: applying one allocates nothing") {
  std::vector<float> weights(20, 0.25f);
  strided_view<float, 2> const rows{weights.data(), {4, 5}};
  for (any_edit const& edit : {any_edit{edit::omit{{{1, 2}}}}, any_edit{edit::only{{{2, 3}}}}, any_edit{edit::null{}},
                               any_edit{edit::balanced{{{2, 3}}}}, any_edit{edit::scale{{{1, 2}}}},
                               any_edit{edit::renormalise{}}.in_heads(head_set::first(2))})
    CHECK(support::allocations_of([&] { edit(rows, head_set::first(4), {}); }) == 0);
}
