// Whole models: against float64, in pieces, side by side, forked, and refusing what does not fit.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/sentence/parse.hpp>

#include <unit/reference/support/files.hpp>
#include "../support/batch.hpp"
#include "../support/controls.hpp"
#include "../support/float64_model.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;
using test::all;
using test::rounding;
using test::text_of_length;
using test::under;

namespace {

/// What heads may be put under: every kind of reading, scope and edit.
std::vector<test::control> const controls{
    under("dense"),
    under("none @ generation"),
    under("entropy | top_k(2)"),
    under("l2 | threshold(0.6) @ prefill"),
    under("random(seed=3) | top_k(1) @ all, layers=3"),
    under("sum(previous(max), output_norm) | top_k(2)"),
    under("ema(0.9, contribution_norm) | top_k(1) @ generation"),
    under("dense", "omit(3-5)"),
    under("entropy | top_k(2)", "balanced(1,4-6) @ generation; null @ all, layers=1"),
    under("entropy | top_k(2)", "scale(2-4, 3); renormalise @ all, layers=3, heads=0,2; ablate(convolution)"),
    under("dense", "ablate(mlp) @ all, layers=2; balanced(2-4) @ all, heads=1-2"),
    under("entropy | top_k(2) | streaming(2, 2)", "omit(3-5) @ generation"),
    under("random | top_k(1) | uniform"),
    under("l2 | threshold(0.6) | zero(bias=drop)"),
    under("entropy | top_k(1) | rescale")};

/// A text's logits, read in pieces of these sizes, all in one phase.
test::rows read_in_pieces(model const& model, std::vector<token> const& text, std::vector<std::size_t> const& pieces,
                          phase when, test::control const& how) {
  test::batch batch{model, {text}};
  test::rows logits;
  for (auto const count : pieces)
    for (auto& row : test::rows_of(batch.next(count, when, how))) logits.push_back(std::move(row));
  CHECK(batch.states[0].position == text.size());
  return logits;
}

/// Each text's logits, read side by side: five tokens of each in a prefill, then one at a time.
std::vector<test::rows> read_side_by_side(test::batch batch, test::control const& how) {
  std::size_t longest = 0;
  for (auto const& text : batch.texts) longest = std::max(longest, text.size());
  std::vector<test::rows> logits(batch.texts.size());
  while (batch.read < longest) {
    bool const first = batch.read == 0;
    auto const made = test::rows_of(batch.next(first ? 5 : 1, first ? phase::prefill : phase::generation, how));
    std::size_t row = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      while (logits[i].size() < std::min(batch.read, batch.texts[i].size())) logits[i].push_back(made.at(row++));
    CHECK(row == made.size());
  }
  for (std::size_t i = 0; i < logits.size(); ++i) CHECK(batch.states[i].position == batch.texts[i].size());
  return logits;
}

template <class Config>
void check_float64(Config const& config, dtype type = dtype::float32) {
  test::made_model const made{config, type};
  auto const text = text_of_length(24);
  auto const exact = test::slow::logits(config, made.weights, text);
  CHECK(test::distance(test::batch{made.model, {text}}.next(all, phase::prefill), exact) < rounding);
}

}  // namespace

TEST_CASE("recurrent_gemma, model: RecurrentGemma agrees with float64 at every token") {
  auto const config = test::small_recurrent_gemma();
  for (auto const type : {dtype::float32, dtype::bfloat16, dtype::float16}) check_float64(config, type);
  auto changed = config;
  changed.tied_embeddings = false;
  changed.attention_bias = true;
  changed.key_value_heads = 1;
  changed.logit_cap = 0;
  changed.convolution_width = 3;
  check_float64(changed);
  changed = config;
  changed.function = activation::silu;
  changed.window = 100;
  changed.rotated = 6;
  changed.rope_base = 100;
  changed.logit_cap = 2;
  changed.norm_epsilon = 0.1f;
  check_float64(changed);
}

TEST_CASE("jamba, model: Jamba agrees with float64 at every token") {
  auto const config = test::small_jamba();
  for (auto const type : {dtype::float32, dtype::bfloat16, dtype::float16}) check_float64(config, type);
  auto changed = config;
  changed.tied_embeddings = true;
  changed.mamba_projection_bias = true;
  changed.mamba_convolution_bias = false;
  changed.mamba_convolution = 2;
  changed.key_value_heads = 4;
  check_float64(changed);
  changed = config;
  changed.function = activation::gelu_tanh;
  changed.chosen_experts = 1;
  changed.key_value_heads = 1;
  changed.norm_epsilon = 0.1f;
  check_float64(changed);
}

TEST_CASE("weight_source, model: every tensor is asked for and one that is missing is named") {
  auto const check = [](auto const& config) {
    test::made_model const made{config};
    CHECK(made.weights.all().size() > 40);
    for (auto const& [name, tensor] : made.weights.all()) {
      auto rest = made.weights.without(name);
      CHECK(test::message_of([&] { (void)make_model(config, rest); }) ==
            "memory: the tensor \"" + name + "\" is missing");
    }
  };
  check(test::small_recurrent_gemma());
  check(test::small_jamba());
}

TEST_CASE("model: one pass and pieces and token by token give the same logits under every policy and edit") {
  auto const text = text_of_length(24);
  test::for_both([&](model const& model) {
    for (auto const& how : controls)
      for (auto const when : {phase::prefill, phase::generation}) {
        CAPTURE(print(how.policy));
        auto const whole = read_in_pieces(model, text, {24}, when, how);
        for (auto const& pieces : std::vector<std::vector<std::size_t>>{
                 {1, 23}, {23, 1}, {17, 7}, {3, 1, 20}, std::vector<std::size_t>(24, 1)})
          CHECK(test::distance(read_in_pieces(model, text, pieces, when, how), whole) < rounding);
      }
  });
}

TEST_CASE("model: texts of different lengths side by side do not change one another") {
  std::vector<std::vector<token>> const texts{text_of_length(9, 1), text_of_length(1, 2), text_of_length(19, 3),
                                              text_of_length(6, 4)};
  test::for_both([&](model const& model) {
    for (auto const& how : controls) {
      CAPTURE(print(how.policy));
      auto const together = read_side_by_side({model, texts}, how);
      for (std::size_t i = 0; i < texts.size(); ++i)
        CHECK(test::distance(together[i], read_side_by_side({model, {texts[i]}, i}, how)[0]) < rounding);
    }
  });
}

TEST_CASE("model: forks of one prefill go on as runs of their own and leave the prefill as it was") {
  auto const text = text_of_length(12);
  test::for_both([&](model const& model) {
    test::batch const prefilled = [&] {
      test::batch batch{model, {text}};
      (void)batch.next(8, phase::prefill);
      return batch;
    }();
    auto const bytes = prefilled.states[0].bytes();
    auto const go_on = [&](test::batch batch, test::control const& how) {
      matrix logits(4, index(model.vocabulary()));
      for (Eigen::Index row = 0; row < 4; ++row) logits.row(row) = batch.next(1, phase::generation, how);
      return logits;
    };
    for (auto const& how : controls) {
      CAPTURE(print(how.policy));
      test::batch separate{model, {text}};
      (void)separate.next(8, phase::prefill);
      CHECK(go_on(prefilled, how) == go_on(separate, how));
    }
    CHECK(go_on(prefilled, controls[0]) != go_on(prefilled, controls[1]));
    CHECK(prefilled.states[0].position == 8);
    CHECK(prefilled.states[0].bytes() == bytes);
  });
}

TEST_CASE("model: the last token's logits are the same when no other's are asked for") {
  std::vector<std::vector<token>> const texts{text_of_length(9, 1), text_of_length(1, 2), text_of_length(14, 3)};
  test::for_both([&](model const& model) {
    for (auto const& how : controls) {
      CAPTURE(print(how.policy));
      auto const whole = test::batch{model, texts}.next(all, phase::prefill, how);
      test::batch batch{model, texts};
      auto const last = batch.next(all, phase::prefill, how, wanted::last_token);
      REQUIRE(last.rows() == 3);
      for (auto const& [i, at] : {std::pair{0u, 8u}, {1u, 9u}, {2u, 23u}})
        CHECK(test::distance(test::slice(last, i, 1), test::slice(whole, at, 1)) < rounding);
      // The states are complete: the next tokens come out as after a pass that wanted all.
      test::batch other{model, texts};
      (void)other.next(all, phase::prefill, how);
      for (auto* const any : {&batch, &other}) {
        any->texts = {{3}, {4}, {5}};
        any->read = 0;
      }
      CHECK(test::distance(batch.next(1, phase::generation, how), other.next(1, phase::generation, how)) < rounding);
    }
  });
}

TEST_CASE("model: a window bounds what is remembered and full attention remembers every token") {
  test::for_both([&](model const& model) {
    test::batch batch{model, {text_of_length(120)}};
    (void)batch.next(60, phase::prefill);
    auto const half = batch.states[0].bytes();
    while (batch.read < 120) (void)batch.next(20, phase::prefill);
    auto const whole = batch.states[0].bytes();
    if (model.attention_at(1)->window) CHECK(whole <= half);
    // Two layers of two key/value heads of six numbers, keys and values, a token.
    else CHECK(whole >= 120 * 2 * 2 * 6 * 2 * sizeof(float));
  });
}

TEST_CASE("model: sequences run in one pass with edits of their own, as each does alone") {
  test::for_both([](model const& model) {
    auto const policy = under("l2 | top_k(2) @ generation").policy;
    std::vector<std::vector<any_edit>> edits;
    for (auto const* sentence :
         {"", "omit(1-2)", "ablate(convolution, channels=0-1)", "ablate(mlp)", "ablate(layer) @ all, layers=2",
          "balanced(1-3); ablate(convolution)", "ablate(attention) @ all, layers=1", ""})
      edits.push_back(under("dense", sentence).edits);
    std::vector<std::vector<token>> texts;
    for (std::size_t i = 0; i < edits.size(); ++i) texts.push_back(text_of_length(5 + i % 3));
    auto const read = [&](std::vector<std::size_t> const& which, bool every_token) {
      std::vector<state> states(which.size(), model.empty_state());
      std::vector<step> steps;
      for (std::size_t n = 0; n < which.size(); ++n)
        steps.push_back({.tokens = texts[which[n]], .state = &states[n], .edits = edits[which[n]]});
      auto logits = forward(model, steps, {.phase = phase::prefill, .every_token = every_token}, policy);
      token const next = 3;
      for (auto& one : steps) one.tokens = std::span{&next, 1};
      return std::pair{logits, forward(model, steps, {.phase = phase::generation}, policy)};
    };
    std::vector<std::size_t> everybody(edits.size());
    for (std::size_t i = 0; i < everybody.size(); ++i) everybody[i] = i;
    for (bool const every_token : {true, false}) {
      auto const [prefill, generation] = read(everybody, every_token);
      Eigen::Index row = 0;
      for (auto const i : everybody) {
        CAPTURE(i);
        auto const [own_prefill, own_generation] = read({i}, every_token);
        CHECK(test::distance(matrix{prefill.middleRows(row, own_prefill.rows())}, own_prefill) < rounding);
        CHECK(test::distance(matrix{generation.row(index(i))}, own_generation) < rounding);
        row += own_prefill.rows();
      }
      CHECK(row == prefill.rows());
    }
  });
}

TEST_CASE("model: tokens and policies and edits that do not fit are refused before any state changes") {
  test::for_both([&](model const& model) {
    auto const text = text_of_length(6);
    test::batch started{model, {text, text}};
    (void)started.next(4, phase::prefill);
    auto const expected = test::batch{started}.next(2, phase::prefill);
    auto const refused = [&](std::vector<token> const& second, test::control const& how = {}) {
      auto batch = started;
      batch.texts = {{1}, second};
      std::vector<step> steps;
      for (std::size_t i = 0; i < 2; ++i)
        steps.push_back({.tokens = batch.texts[i], .state = &batch.states[i], .edits = how.edits});
      auto const message = test::message_of([&] { (void)forward(model, steps, {}, how.policy); });
      batch.texts = {text, text};
      CHECK(batch.next(2, phase::prefill) == expected);
      return message;
    };
    CHECK(refused({5, 37}) == "sequence 1[1]: token id 37 is not in the vocabulary (allowed: 0 to 36)");
    CHECK(refused({-1}) == "sequence 1[0]: token id -1 is not in the vocabulary (allowed: 0 to 36)");
    CHECK(refused({}) == "sequence 1: it has no token (allowed: one token or more)");
    CHECK(test::contains(refused({1}, under("entropy | top_k(5)")), "4 heads"));
    CHECK(refused({1}, under("none @ generation, layers=1,4")) ==
          "scope @ generation, layers=1,4: the model has no layer 4 (allowed: attention layers 1, 3)");
    CHECK(refused({1}, under("none @ all, layers=0,2")) ==
          "scope @ all, layers=0,2: none of these layers has attention (allowed: attention layers 1, 3)");
    CHECK(refused({1}, under("dense", "null @ all, layers=9")) ==
          "scope @ all, layers=9: the model has no layer 9 (allowed: attention layers 1, 3)");
  });
}
