// Rankings, budgets, predictors and the bridge in a model whose layers have different attention: four heads of six
// features without gates in layer 1, six of four with gates in layer 3.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/bridge.hpp>
#include <headcount/ranking/budget.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/keep_frequency.hpp>
#include <headcount/ranking/make_bridge.hpp>
#include <headcount/ranking/mean_score.hpp>
#include <headcount/ranking/runtime_budget.hpp>
#include <headcount/ranking/train_predictor.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/score/gate.hpp>
#include <headcount/score/gated_output_norm.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/support/slow_reading.hpp>

using namespace headcount;
using namespace headcount::evaluate;
using namespace test;

namespace {

/// Two shapes of attention in one model.
struct mixed_model {
  made_model<reference::jamba_config> jamba{small_jamba()};
  made_model<reference::qwen3_config> qwen{small_qwen3_next()};
  reference::model model = jamba.model;

  mixed_model() { model.layers[3] = qwen.model.layers[3]; }
};

}  // namespace

TEST_CASE("attention_shapes: gates are asked where a scope reaches, and refused where a layer in it has none") {
  mixed_model const mixed;
  auto const texts = some_texts(mixed.model);
  any_model const engine = reference_model{mixed.model};
  CHECK_FALSE(mixed.model.has_gates());
  CHECK(mixed.qwen.model.has_gates());
  auto const kept = keep_frequency(engine, texts, parse_policy("gate | top_k(2) @ generation, layers=3"));
  for (auto const share : kept[1]) CHECK(share == doctest::Approx(1));  // all, where nobody chooses
  CHECK(kept[1].size() == 4);
  double sum = 0;
  for (auto const share : kept[3]) sum += share;
  CHECK(kept[3].size() == 6);
  CHECK(sum == doctest::Approx(2));
  for (auto const* sentence : {"gate | top_k(2)", "gated_output_norm | top_k(2) @ all, layers=1,3"})
    CHECK(contains(message_of([&] { (void)keep_frequency(engine, texts, parse_policy(sentence)); }),
                   "layer 1: the policy's scorer reads output gates"));
  // A layer of four heads cannot keep five; one of six can.
  CHECK(contains(message_of([&] { validate(parse_policy("entropy | top_k(5)"), mixed.model); }), "layer 1"));
  CHECK_NOTHROW(validate(parse_policy("entropy | top_k(5) @ all, layers=3"), mixed.model));
}

TEST_CASE("attention_shapes: the mean of gates is that of the sigmoid of their projection") {
  mixed_model const mixed;
  auto const texts = some_texts(mixed.qwen.model);
  any_model const engine = reference_model{mixed.qwen.model};
  auto const scores = mean_scores(engine, texts, score::gate{});
  auto expected = every_head(engine.layers(), 0);
  watch_answers(engine, std::span{texts}.first(1), dense, [&](std::size_t) {
    return observer{.input = [&](site const& where, std::span<float const> input) {
      auto const& gate = mixed.qwen.model.attention_at(where.layer)->gate.weight;
      std::vector<float> row(gate.row_size());
      for (std::size_t i = 0; i < gate.rows(); ++i) {
        reference::widen(gate, i * row.size(), row);
        double sum = 0;
        for (std::size_t j = 0; j < row.size(); ++j) sum += static_cast<double>(row[j]) * static_cast<double>(input[j]);
        expected[where.layer][i / 4] += 1 / (1 + std::exp(-sum)) / 4 / static_cast<double>(texts[0].answer.size());
      }
    }};
  });
  auto const of_one = mean_scores(engine, std::span{texts}.first(1), score::gate{});
  for (auto const layer : {1u, 3u})
    for (std::size_t head = 0; head < 6; ++head) {
      CHECK(of_one[layer][head] == doctest::Approx(expected[layer][head]).epsilon(1e-5));
      CHECK(scores[layer][head] > 0);
      CHECK(scores[layer][head] < 1);
    }
}

TEST_CASE("attention_shapes: a budget of the model is shared by layers of any number of heads") {
  mixed_model const mixed;
  auto const texts = some_texts(mixed.model);
  any_model const engine = reference_model{mixed.model};
  for (std::size_t const heads : {1u, 4u, 7u, 10u}) {
    auto const threshold = threshold_of_budget(engine, texts, parse_scorer("entropy(normalised=true)"), heads);
    // As many scores of the dense model are at or above it as the answers' queries may keep.
    std::size_t above = 0;
    std::size_t queries = 0;
    any_policy const all{parse_scorer("entropy(normalised=true)"), select::every_head{}};
    for (std::size_t i = 0; i < texts.size(); ++i) {
      watch_answers(engine, std::span{texts}.subspan(i, 1), all, [&](std::size_t) {
        return observer{.scored = [&](site const& where, std::span<double const> scores) {
          if (where.phase == phase::generation)
            above += static_cast<std::size_t>(
                std::ranges::count_if(scores, [&](double score) { return score >= threshold; }));
        }};
      });
      queries += texts[i].answer.size();
    }
    CHECK(above == heads * queries);
  }
  ranking const frequent{.scores = keep_frequency(engine, texts, parse_policy("entropy | fraction(0.5)")),
                         .source = {}};
  auto const best = best_of_model(frequent, 5).scores;
  CHECK(best[1].size() == 4);
  CHECK(best[3].size() == 6);
  CHECK(std::ranges::count(best[1], 1.0) + std::ranges::count(best[3], 1.0) == 5);
}

TEST_CASE("attention_shapes: a predictor learns what gates keep in the layers that have them") {
  mixed_model const mixed;
  auto const texts = some_texts(mixed.model);
  any_model const engine = reference_model{mixed.model};
  auto const trained = train_predictor(engine, texts, parse_policy("gate | top_k(2) @ generation, layers=3"));
  REQUIRE(trained.predictor.layers.size() == 1);
  CHECK(trained.predictor.layers[0].layer == 3);
  CHECK(trained.predictor.layers[0].heads() == 6);
  score::predictor const learned{in_memory("learned", trained.predictor)};
  auto foretold = any_policy{learned, select::top_k{2}}.during(phase::generation);
  CHECK(contains(message_of([&] { validate(foretold, mixed.model); }), "it has no layer 1"));
  foretold.where = parse_policy("gate | top_k(2) @ generation, layers=3").where;
  CHECK_NOTHROW(validate(foretold, mixed.model));
  auto const both = train_predictor(engine, texts, parse_policy("entropy | top_k(2) @ generation"));
  REQUIRE(both.predictor.layers.size() == 2);
  CHECK(both.predictor.layers[0].heads() == 4);
  CHECK(both.predictor.layers[1].heads() == 6);
}

TEST_CASE("bridge: gates choose at run time and are distilled beside entropy, and no scorer twice") {
  mixed_model const mixed;
  auto texts = some_texts(mixed.qwen.model);
  for (auto& text : texts) {
    text.prompt = numbers{11}.text(9, mixed.qwen.model.vocabulary());
    text.source = {{3, 5}};
    text.query = {{7, 8}};
    text.null_query = {1};
  }
  std::vector<std::vector<calibration_text>> const draws{{texts.begin(), texts.begin() + 5},
                                                         {texts.begin() + 5, texts.end()}};
  any_model const engine = reference_model{mixed.qwen.model};
  auto const all = make_bridge({.model = engine}, draws,
                               {.k = {2},
                                .scorers = {score::gate{}, score::entropy{}, score::gated_output_norm{}, score::gate{}},
                                .methods = {"mean(gate)", "keep_frequency(gate | top_k(2) @ generation)"}});
  auto const entries = [&](std::string const& method, std::string const& budget) {
    return std::ranges::count_if(
        all.entries, [&](bridge_entry const& entry) { return entry.method == method && entry.budget == budget; });
  };
  for (auto const* scorer : {"entropy", "gate", "gated_output_norm"}) {
    std::string const name{scorer};
    CHECK(entries(name, "layer") == 1);
    CHECK(entries(name == "entropy" ? "entropy(normalised=true)" : name, "global") == 1);
    for (auto const* budget : {"layer", "global"})
      CHECK(entries("predictor(" + name + " | top_k(2) @ generation)", budget) == 1);
  }
  for (auto const* budget : {"layer", "global"})
    for (auto const* method : {"mean(gate)", "keep_frequency(gate | top_k(2) @ generation)"})
      CHECK(entries(method, budget) == 1);
  for (auto const& entry : all.entries)
    if (entry.method == "gate" && entry.budget == "global") {
      REQUIRE(entry.policies.size() == 2);
      CHECK(print(entry.policies[0]) == "gate | threshold(" +
                                            print_value(threshold_of_budget(engine, draws[0], score::gate{}, 4)) +
                                            ") @ generation");
    }
  // What is ranked when nobody says which methods: each scorer's frequency and mean.
  auto const usual = make_bridge({.model = engine}, draws, {.k = {1}, .scorers = {score::gate{}}});
  for (auto const* method : {"mean(entropy)", "mean(gate)", "keep_frequency(gate | top_k(1) @ generation)"})
    CHECK(std::ranges::count(usual.rankings, std::string{method}, &bridge_ranking::method) == 1);
}
