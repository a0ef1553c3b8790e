#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/edit/balanced.hpp>
#include <headcount/edit/scale.hpp>
#include <headcount/mask/zero.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/reference/block/attention.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/score/contribution_norm.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/select/top_k.hpp>

#include "../support/float64.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

constexpr double rounding = 5e-6;  // of float32, values near 1

kernel::no_observer nobody;

/// Runs some tokens of one sequence that has read `position` before.
template <class Policy>
matrix run(attention const& block, matrix const& x, std::size_t position, key_value_cache& cache, wanted which,
           Policy const& policy, std::span<any_edit const> edits = {}) {
  std::array const segments{segment{.begin = 0, .count = size(x.rows()), .position = position}};
  std::array const sequences{
      attended_sequence{.cache = &cache,
                        .where = {.phase = phase::prefill, .heads = block.heads, .group = block.group()},
                        .edits = edits}};
  attention_control<Policy, kernel::no_observer> const control{policy, nobody};
  return apply(block, x, segments, sequences, which, control);
}

void check_against(attention const& block, matrix const& x, test::rows const& exact) {
  auto const tokens = size(x.rows());
  auto cache = block.empty_state();
  CHECK(test::distance(run(block, x, 0, cache, wanted::all_tokens, dense), exact) < rounding);
  CHECK(cache.first() + cache.size() == tokens);

  auto stepped = block.empty_state();
  for (std::size_t token = 0; token < tokens; ++token)
    CHECK(test::distance(run(block, test::slice(x, token, 1), token, stepped, wanted::all_tokens, dense),
                         {exact[token]}) < rounding);

  auto pieced = block.empty_state();
  (void)run(block, test::slice(x, 0, 7), 0, pieced, wanted::last_token, dense);
  auto const last = run(block, test::slice(x, 7, tokens - 7), 7, pieced, wanted::last_token, dense);
  CHECK(test::distance(last, {exact.back()}) < rounding);
}

}  // namespace

TEST_CASE("rope: pairs turn as complex numbers and the rest of a head stays") {
  for (std::size_t const rotated : {0u, 2u, 4u, 10u})
    for (double const base : {10000.0, 500.0})
      for (std::size_t const position : {0u, 1u, 7u, 300u}) {
        CAPTURE(rotated);
        CAPTURE(position);
        auto const rope = make_rotary_embedding(rotated, base);
        CHECK(rope.frequencies.size() == rotated / 2);
        auto head = test::numbers{1}.list(10);
        test::row exact(head.begin(), head.end());
        apply(rope, position, head);
        test::slow::rotate(exact.data(), rotated, base, position);
        for (std::size_t i = 0; i < 10; ++i) {
          // A float32 angle of up to 300 radians is off by 300 * 2^-23 at most.
          CHECK(static_cast<double>(head[i]) == doctest::Approx(exact[i]).epsilon(5e-5));
          if (i >= rotated || position == 0) CHECK(static_cast<double>(head[i]) == exact[i]);
        }
      }
}

TEST_CASE("rope: products depend on the distance of positions alone") {
  auto const rope = make_rotary_embedding(8, 10000);
  auto const product = [&](std::size_t a, std::size_t b) {
    auto query = test::numbers{2}.list(8);
    auto key = test::numbers{3}.list(8);
    apply(rope, a, query);
    apply(rope, b, key);
    double sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum += static_cast<double>(query[i]) * static_cast<double>(key[i]);
    return sum;
  };
  for (std::size_t const shift : {1u, 10u, 100u})
    CHECK(product(5 + shift, 3 + shift) == doctest::Approx(product(5, 3)).epsilon(1e-4));
  CHECK(product(6, 3) != doctest::Approx(product(5, 3)).epsilon(1e-3));
}

TEST_CASE("attention: heads that share keys and windows and rotary positions agree with float64") {
  auto config = test::small_recurrent_gemma();
  config.heads = 6;
  for (std::size_t const key_value_heads : {1u, 2u, 3u, 6u})  // MQA, GQA, GQA, MHA
    for (std::size_t const window : {1u, 3u, 10u, 100u})      // narrower and wider than 25 tokens
      for (std::size_t const rotated : {0u, 4u, 6u})          // none, partial, whole
        for (bool const bias : {false, true}) {
          if (bias && (window != 10 || rotated != 4)) continue;
          CAPTURE(key_value_heads);
          CAPTURE(window);
          CAPTURE(rotated);
          config.key_value_heads = key_value_heads;
          config.window = window;
          config.rotated = rotated;
          config.attention_bias = bias;
          test::tensors from{1};
          auto const block = make_local_attention(config, from, "a.");
          CHECK(block.group() == 6 / key_value_heads);
          CHECK(from.all().contains("a.q_proj.bias") == bias);
          auto const x = test::numbers{2}.matrix(25, config.width);
          check_against(block, x,
                        test::slow::attention(from, "a.",
                                              {.heads = 6,
                                               .key_value_heads = key_value_heads,
                                               .dim = config.head_dim,
                                               .window = window,
                                               .rotated = rotated},
                                              test::rows_of(x)));
        }
}

TEST_CASE("attention: without a window and positions it agrees with float64") {
  auto config = test::small_jamba();
  for (std::size_t const key_value_heads : {1u, 2u, 4u}) {
    config.key_value_heads = key_value_heads;
    test::tensors from{3};
    auto const block = make_full_attention(config, from, "a.");
    CHECK(!block.window);
    CHECK(!block.rotary);
    auto const x = test::numbers{4}.matrix(25, config.width);
    check_against(block, x,
                  test::slow::attention(from, "a.", {.heads = 4, .key_value_heads = key_value_heads, .dim = 6},
                                        test::rows_of(x)));
  }
}

TEST_CASE("attention: without heads only the bias of the output projection is left") {
  test::tensors from{5};
  auto const block = make_local_attention(test::small_recurrent_gemma(), from, "a.");
  auto cache = block.empty_state();
  auto const y = run(block, test::numbers{6}.matrix(9, 24), 0, cache, wanted::all_tokens, none);
  CHECK(test::distance(y, test::rows(9, from["a.o_proj.bias"])) < 1e-7);
  CHECK(cache.first() + cache.size() == 9);  // keys are kept for later tokens all the same
}

TEST_CASE("attention: sequences side by side see their own keys alone") {
  test::tensors from{7};
  auto const block = make_local_attention(test::small_recurrent_gemma(), from, "a.");
  test::numbers random{8};
  auto const x = random.matrix(6, 24);
  auto const other = random.matrix(11, 24);
  auto alone = block.empty_state();
  auto const expected = run(block, x, 0, alone, wanted::all_tokens, dense);

  auto a = block.empty_state();
  auto b = block.empty_state();
  matrix both(17, 24);
  both << other, x;
  std::array const segments{segment{0, 11, 0}, segment{11, 6, 0}};
  site const where{.heads = 4, .group = 2};
  std::array const sequences{attended_sequence{.cache = &b, .where = where},
                             attended_sequence{.cache = &a, .where = where}};
  attention_control<std::remove_const_t<decltype(dense)>, kernel::no_observer> const control{dense, nobody};
  auto const y = apply(block, both, segments, sequences, wanted::all_tokens, control);
  CHECK(test::distance(test::slice(y, 11, 6), expected) < rounding);
}

TEST_CASE("attention: balanced over a whole prefill gives every row the mass of all rows, as in the published code") {
  // The published formula over a matrix of weights p[head][query][key]: every weight on T becomes
  // sum(p over heads, queries and T) / (heads |T|), whatever the number of queries; here rows see no later keys.
  auto const config = test::small_jamba();
  test::tensors from{9};
  auto const block = make_full_attention(config, from, "a.");
  constexpr std::size_t tokens = 14;
  constexpr std::size_t heads = 4;
  auto const x = test::numbers{10}.matrix(tokens, config.width);
  std::vector<bool> listed(tokens);
  for (std::size_t const position : {3, 4, 8}) listed[position] = true;

  test::rows weights;  // [query * head, key]
  (void)test::slow::attention(from, "a.", {.heads = heads, .key_value_heads = 2, .dim = 6, .weights = &weights},
                              test::rows_of(x));
  auto const values = test::slow::linear(from, "a.v_proj", test::rows_of(x));
  // Earlier edits count: here all weights on token 8 are halved first.
  double pass = 0;
  test::row own(tokens);
  for (std::size_t i = 0; i < weights.size(); ++i)
    for (std::size_t key = 0; key < tokens; ++key)
      if (listed[key]) own[i / heads] += (key == 8 ? 0.5 : 1) * weights[i][key];
  for (double const mass : own) pass += mass;
  auto const exact = [&](bool of_pass) {
    test::rows outputs(tokens, test::row(heads * 6));
    for (std::size_t query = 0; query < tokens; ++query) {
      std::size_t seen = 0;
      for (std::size_t key = 0; key <= query; ++key) seen += listed[key] ? 1 : 0;
      double const share = of_pass     ? pass / (heads * 3)
                           : seen == 0 ? 0
                                       : own[query] / static_cast<double>(heads * seen);
      for (std::size_t key = 0; key <= query; ++key)
        for (std::size_t i = 0; listed[key] && i < heads * 6; ++i)
          outputs[query][i] += share * values[key][i / 12 * 6 + i % 6];  // two heads share each of two values
    }
    return test::slow::linear(from, "a.o_proj", outputs);
  };
  edit::balanced const corrected{{{3, 4}, {8, 8}}};
  auto published = corrected;
  published.mass = edit::mass_rule::pass;
  auto const result = [&](edit::balanced const& balanced) {
    std::vector<any_edit> const edits{edit::scale{{{8, 8}}, 0.5}, balanced};
    auto cache = block.empty_state();
    return run(block, x, 0, cache, wanted::all_tokens, dense, edits);
  };
  CHECK(test::distance(result(published), exact(true)) < rounding);
  CHECK(test::distance(result(corrected), exact(false)) < rounding);
  CHECK(test::distance(exact(true), exact(false)) > 0.1);

  // One token at a time the two are the same.
  auto cache = block.empty_state();
  std::vector<any_edit> const edits{edit::scale{{{8, 8}}, 0.5}, published};
  for (std::size_t token = 0; token < tokens; ++token)
    CHECK(test::distance(run(block, test::slice(x, token, 1), token, cache, wanted::all_tokens, dense, edits),
                         {exact(false)[token]}) < rounding);
}

TEST_CASE("attention: contributions are outputs after their heads' columns, in every number format") {
  auto config = test::small_recurrent_gemma();
  config.heads = 6;
  for (auto const type : {dtype::float32, dtype::bfloat16, dtype::float16}) {
    test::tensors from{9, type};
    auto const block = make_local_attention(config, from, "a.");
    auto const dim = config.head_dim;
    auto const x = test::numbers{10}.matrix(12, config.width);
    auto const outputs = test::slow::attend({.heads = 6,
                                             .key_value_heads = config.key_value_heads,
                                             .dim = dim,
                                             .window = config.window,
                                             .rotated = config.rotated},
                                            test::slow::linear(from, "a.q_proj", test::rows_of(x)),
                                            test::slow::linear(from, "a.k_proj", test::rows_of(x)),
                                            test::slow::linear(from, "a.v_proj", test::rows_of(x)));
    auto const& projection = from["a.o_proj.weight"];

    struct {
      std::vector<head_set> chosen;
      void row(site const&, std::size_t, std::span<float const>) {}
      void kept(site const&, head_set const& set) { chosen.push_back(set); }
    } seen;
    auto const policy = score::contribution_norm{} | select::top_k{1};
    auto cache = block.empty_state();
    std::array const segments{segment{.count = 12}};
    std::array const sequences{attended_sequence{.cache = &cache, .where = {.heads = 6, .group = 3}}};
    attention_control<std::remove_const_t<decltype(policy)>, decltype(seen)> const control{policy, seen};
    (void)apply(block, x, segments, sequences, wanted::all_tokens, control);
    REQUIRE(seen.chosen.size() == 12);
    for (std::size_t token = 0; token < 12; ++token) {
      std::size_t best = 0;
      double longest = 0;
      for (std::size_t head = 0; head < 6; ++head) {
        double squares = 0;
        for (std::size_t out = 0; out < config.width; ++out) {
          double sum = 0;
          for (std::size_t i = 0; i < dim; ++i)
            sum += projection[out * 6 * dim + head * dim + i] * outputs[token][head * dim + i];
          squares += sum * sum;
        }
        if (squares > longest) best = head;
        longest = std::max(longest, squares);
      }
      CHECK(seen.chosen[token].contains(best));
    }
  }
}

TEST_CASE("attention: under zero(bias=drop) the projection's bias loses the share of the dropped heads") {
  auto config = test::small_recurrent_gemma();
  config.window = 100;
  test::tensors from{5};
  auto const block = make_local_attention(config, from, "b.");
  REQUIRE_FALSE(block.output.bias.empty());
  auto const x = test::numbers{6}.matrix(9, config.width);
  auto const under = [&](auto const& policy) {
    auto cache = block.empty_state();
    return run(block, x, 0, cache, wanted::all_tokens, policy);
  };
  Eigen::Map<Eigen::RowVectorXf const> const bias{block.output.bias.data(), index(block.output.bias.size())};
  for (std::size_t kept = 0; kept <= config.heads; ++kept) {
    auto const policy = score::l2{} | select::top_k{kept};
    matrix const whole = under(policy);
    matrix const without = under(policy | mask::zero{mask::bias_rule::drop});
    auto const lost = static_cast<float>(config.heads - kept) / static_cast<float>(config.heads);
    for (Eigen::Index token = 0; token < x.rows(); ++token)
      CHECK((whole.row(token) - without.row(token) - lost * bias).cwiseAbs().maxCoeff() < rounding);
  }
  CHECK(under(any_policy{none | mask::zero{mask::bias_rule::drop}}).cwiseAbs().maxCoeff() == 0);
}
