// Whole models under policies: which heads they choose, where, from what, and what they remember.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/record/recorder.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/select/hysteresis.hpp>
#include <headcount/select/top_k.hpp>

#include <unit/reference/support/files.hpp>
#include "../support/batch.hpp"
#include "../support/controls.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;
using test::all;
using test::rounding;
using test::text_of_length;
using test::under;

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

TEST_CASE("model: what one policy remembered of a sequence is nothing to another, whose memory is as large") {
  test::for_both([](model const& model) {
    auto const next = under("ema(0.9, l2) | top_k(1)");
    test::batch after{model, {text_of_length(16)}};
    test::batch fresh{model, {text_of_length(16)}};
    (void)after.next(6, phase::prefill,
                     under("ema(0.9, random(seed=1)) | top_k(4)"));  // all heads: dense, but it remembers
    (void)fresh.next(6, phase::prefill);
    while (fresh.read < 16) {
      auto const logits = fresh.next(1, phase::generation, next);
      CHECK((after.next(1, phase::generation, next) - logits).cwiseAbs().maxCoeff() < 1e-6f);
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
  auto at = begin_pass(made.model, steps);
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
    std::vector<state> states(2, model.empty_state());
    auto const read = [&](std::initializer_list<std::size_t> which, std::size_t begin, std::size_t count) {
      std::vector<reference::step> steps;
      for (auto const i : which)
        if (begin < texts[i].size())
          steps.push_back(
              {.tokens = std::span{texts[i]}.subspan(begin, count), .state = &states[i], .sequence_id = i < 2 ? i : 7});
      (void)reference::forward(model, steps, {.phase = phase::prefill}, policy, recorder);
    };
    read({0, 1}, 0, 5);
    read({1, 0}, 5, 2);
    states.push_back(states[1]);
    for (std::size_t at = 7; at < 12; ++at) read({0, 2, 1}, at, 1);

    std::map<std::tuple<std::size_t, std::size_t, std::size_t>, head_set> kept;
    for (auto const& one : recorder.result().sites) {
      auto const [row, layer, position] = std::tuple{one.where.sequence_id, one.where.layer, one.where.position};
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
