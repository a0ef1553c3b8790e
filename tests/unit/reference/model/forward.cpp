// Whole models: against float64, in pieces, side by side, forked, under policies, and refusing what does not fit.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/from_file.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/sentence.hpp>
#include <headcount/record/recorder.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/select/top_k.hpp>

#include "../support/batch.hpp"
#include "../support/files.hpp"
#include "../support/float64_model.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

constexpr double rounding = 5e-5;  // of float32 through four layers, logits of a few units
constexpr std::size_t all = 1000;  // more tokens than any text has

std::vector<token> text_of_length(std::size_t tokens, unsigned seed = 7) {
  return test::numbers{seed}.text(tokens, 37);
}

test::control under(std::string const& policy, std::string const& edits = {}) {
  return {.policy = parse_policy(policy), .edits = edits.empty() ? std::vector<any_edit>{} : parse_edits(edits)};
}

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

TEST_CASE("model: RecurrentGemma agrees with float64 at every token") {
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

TEST_CASE("model: Jamba agrees with float64 at every token") {
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

TEST_CASE("model: every tensor is asked for and one that is missing is named") {
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

namespace {

/// What an observer sees of two attention layers, 1 and 3.
struct counter {
  std::array<std::size_t, 4> rows{};   // of each layer
  std::array<std::size_t, 4> heads{};  // kept in each layer
  std::size_t longest = 0;
  double off = 0;  // the most that a row's sum is from 1

  void row(site const& where, std::size_t, std::span<float const> weights) {
    ++rows.at(where.layer);
    longest = std::max(longest, weights.size());
    double sum = 0;
    for (auto const weight : weights) sum += static_cast<double>(weight);
    off = std::max(off, std::abs(sum - 1));
  }
  void kept(site const& where, head_set const& set) { heads.at(where.layer) += set.size(); }
};

}  // namespace

TEST_CASE("model: an observer sees every query of every attention layer even when one token's logits are wanted") {
  using counts = std::array<std::size_t, 4>;
  test::for_both([&](model const& model) {
    auto const seen_under = [&](test::control const& how) {
      counter seen;
      auto const watched =
          test::batch{model, {text_of_length(10)}}.next(all, phase::prefill, how, wanted::last_token, seen);
      CHECK(test::distance(watched, test::batch{model, {text_of_length(10)}}.next(all, phase::prefill, how,
                                                                                  wanted::last_token)) < rounding);
      CHECK(seen.off < 1e-6);
      return seen;
    };
    auto const dense_run = seen_under(under("dense"));
    CHECK(dense_run.rows == counts{0, 40, 0, 40});
    CHECK(dense_run.heads == counts{0, 40, 0, 40});
    auto const* block = model.attention_at(3);
    CHECK(dense_run.longest == block->window.value_or(10));
    CHECK(seen_under(under("entropy | top_k(2)")).heads == counts{0, 20, 0, 20});
    CHECK(seen_under(under("none @ all, layers=1")).rows == counts{0, 0, 0, 40});
    CHECK(seen_under(under("dense", "null")).rows == counts{0, 40, 0, 40});
  });
}

TEST_CASE("model: a scope leaves everything outside it as dense") {
  auto const text = text_of_length(14);
  test::for_both([&](model const& model) {
    auto const logits = [&](test::control const& how) {
      test::batch batch{model, {text}};
      auto const prefill = batch.next(10, phase::prefill, how);
      return std::pair{prefill, batch.next(4, phase::generation, how)};
    };
    auto const plain = logits(under("dense"));
    for (auto const& how :
         {under("none @ generation"), under("entropy | top_k(1) @ generation"), under("dense", "null @ generation")}) {
      CHECK(logits(how).first == plain.first);
      CHECK(test::distance(logits(how).second, plain.second) > 1e-3);
    }
    for (auto const& how : {under("none @ prefill"), under("dense", "only(3) @ prefill")})
      CHECK(test::distance(logits(how).first, plain.first) > 1e-3);
    auto const first = logits(under("none @ all, layers=1")).first;
    auto const second = logits(under("none @ all, layers=3")).first;
    CHECK(test::distance(first, plain.first) > 1e-3);
    CHECK(test::distance(second, plain.first) > 1e-3);
    CHECK(test::distance(first, second) > 1e-3);
    CHECK(logits(under("none @ all, layers=1,3")) == logits(under("none")));
    // Keeping every head is dense; dropping every head is taking every weight away.
    CHECK(test::distance(logits(under("l2 | top_k(4)")).second, plain.second) < rounding);
    CHECK(test::distance(logits(under("dense", "null")).second, logits(under("none")).second) < rounding);
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
      for (std::size_t i = 0; i < 2; ++i) steps.push_back({.tokens = batch.texts[i], .state = &batch.states[i]});
      auto const message = test::message_of([&] { (void)forward(model, steps, {.edits = how.edits}, how.policy); });
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

namespace {

/// Remembers the largest weight of every head at every site, and which heads were kept there: [layer][position][head].
struct peaks {
  std::array<std::array<std::array<double, 4>, 32>, 4> largest{};
  std::array<std::array<head_set, 32>, 4> chosen{};

  void row(site const& where, std::size_t head, std::span<float const> weights) {
    largest.at(where.layer).at(where.position).at(head) = static_cast<double>(*std::ranges::max_element(weights));
  }
  void kept(site const& where, head_set const& set) { chosen.at(where.layer).at(where.position) = set; }
};

}  // namespace

TEST_CASE("model: a policy that looks back chooses by the token before, across passes and in forks") {
  test::for_both([](model const& model) {
    auto const how = under("previous(max) | top_k(1)");
    test::batch batch{model, {text_of_length(12)}};
    peaks seen;
    (void)batch.next(5, phase::prefill, how, wanted::last_token, seen);
    (void)batch.next(3, phase::prefill, how, wanted::last_token, seen);
    auto fork = batch;  // goes on with what the batch remembers, and leaves it alone
    peaks other;
    (void)fork.next(1, phase::generation, under("ema(0.9, l2) | top_k(1)"), wanted::last_token, other);
    while (batch.read < 12) (void)batch.next(1, phase::generation, how, wanted::last_token, seen);
    for (std::size_t const layer : {1u, 3u})
      for (std::size_t position = 0; position < 12; ++position) {
        auto const& by = seen.largest[layer][position == 0 ? 0 : position - 1];
        auto const best = static_cast<std::size_t>(std::ranges::max_element(by) - by.begin());
        CHECK(seen.chosen[layer][position].size() == 1);
        CHECK(seen.chosen[layer][position].contains(best));
      }
  });
}

TEST_CASE("model: a predictor is fed the input of its attention block and chooses before attention") {
  test::made_model const made{test::small_jamba()};
  // Of layer 1's input, which is the normalised residual stream, heads 0 to 3 score features 0 to 3.
  score::layer_predictor layer{
      .layer = 1, .maps = {{.inputs = 24, .weight = std::vector<float>(96), .bias = std::vector<float>(4)}}};
  for (std::size_t head = 0; head < 4; ++head) layer.maps[0].weight[head * 24 + head] = 1;
  auto other = layer;
  other.layer = 3;
  score::predictor const score{in_memory("p.json", score::head_predictor{{layer, other}})};
  any_policy const policy = (score | select::top_k{1});
  peaks seen;
  test::batch batch{made.model, {text_of_length(9)}};
  (void)batch.next(9, phase::prefill, {.policy = policy}, wanted::all_tokens, seen);

  // The first layer by the block's own functions, up to the second layer's norm.
  test::batch alone{made.model, {text_of_length(9)}};
  std::array const steps{step{.tokens = alone.texts[0], .state = &alone.states[0]}};
  auto at = begin_pass(made.model, steps, {});
  run_layers(made.model, steps, at, 1, {}, dense);
  matrix const input = apply(made.model.layers[1].mixer_norm, at.x);
  for (std::size_t token = 0; token < 9; ++token) {
    auto const features = row_of(input, token).first(4);
    auto const best = static_cast<std::size_t>(std::ranges::max_element(features) - features.begin());
    CHECK(seen.chosen[1][token].size() == 1);
    CHECK(seen.chosen[1][token].contains(best));
    for (std::size_t head = 0; head < 4; ++head)
      CHECK((seen.largest[1][token][head] > 0) == (head == best));  // the others' rows were never computed
  }

  other.maps[0].inputs = 12;
  other.maps[0].weight.resize(48);
  any_policy const narrow =
      (score::predictor{in_memory("p.json", score::head_predictor{{layer, other}})} | select::top_k{1});
  CHECK(test::message_of([&] { (void)batch.next(1, phase::generation, {.policy = narrow}); }) ==
        "predictor p.json: it reads inputs of width 12, those of layer 3 have 24");
}

TEST_CASE("model: hysteresis remembers each sequence and layer apart, in batches, across passes and in forks") {
  std::size_t held = 0;  // heads that were kept only because they had been
  test::for_both([&](reference::model const& model) {
    test::numbers random{9};
    any_policy const policy = score::l2{} | select::hysteresis{.enter = 0.65, .leave = 0.5};
    std::vector<std::vector<token>> const texts{random.text(9, model.vocabulary()), random.text(12, model.vocabulary()),
                                                random.text(12, model.vocabulary())};
    record::recorder recorder;
    auto sequences = reference::start_sequences(model, 2);
    auto const read = [&](std::initializer_list<std::size_t> which, std::size_t begin, std::size_t count) {
      std::vector<reference::step> steps;
      for (auto const i : which)
        if (begin < texts[i].size())
          steps.push_back({.tokens = std::span{texts[i]}.subspan(begin, count),
                           .state = &sequences[i].state,
                           .row = sequences[i].row});
      (void)reference::forward(model, steps, {.phase = phase::prefill}, policy, recorder);
    };
    read({0, 1}, 0, 5);
    read({1, 0}, 5, 2);
    sequences.push_back(sequences[1]);
    sequences[2].row = 7;
    for (std::size_t at = 7; at < 12; ++at) read({0, 2, 1}, at, 1);

    std::map<std::tuple<std::size_t, std::size_t, std::size_t>, head_set> kept;
    for (auto const& one : recorder.result().sites) {
      auto const [row, layer, position] = std::tuple{one.where.row, one.where.layer, one.where.position};
      head_set before;
      if (position > 0) before = kept.at({row == 7 && position == 7 ? 1 : row, layer, position - 1});
      head_set expected;
      for (std::size_t head = 0; head < one.where.heads; ++head) {
        bool const entered = one.scores[head] >= 0.65;
        bool const stayed = before.contains(head) && one.scores[head] >= 0.5;
        if (entered || stayed) expected.insert(head);
        held += stayed && !entered ? 1 : 0;
      }
      CHECK(one.kept == expected);
      kept[{row, layer, position}] = one.kept;
    }
    CHECK(kept.size() == 2 * (9 + 12 + 5));
  });
  CHECK(held > 10);
}
