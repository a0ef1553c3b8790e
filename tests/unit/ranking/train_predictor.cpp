// evaluate/rank: predictors learned from recorded decisions, against the definition of ridge regression, decisions that
// inputs determine, and decisions that nothing foretells.

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/ranking/decision_record.hpp>
#include <headcount/ranking/train_predictor.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/reference/support/numbers.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

examples drawn_examples(Eigen::Index count, Eigen::Index width, Eigen::Index outputs) {
  test::numbers random{5};
  examples some{{count, width}, {count, outputs}};
  for (auto* const matrix : {&some.inputs, &some.targets})
    for (Eigen::Index i = 0; i < matrix->size(); ++i) matrix->data()[i] = static_cast<double>(random.next());
  some.inputs.col(0).array() += 3;  // means that are not 0
  some.targets.array() -= 1;
  return some;
}

std::vector<calibration_text> random_texts(reference::model const& model, std::size_t count, std::size_t answer) {
  test::numbers random{9};
  std::vector<calibration_text> texts;
  for (std::size_t i = 0; i < count; ++i)
    texts.push_back(
        {.prompt = random.text(1 + i % 4, model.vocabulary()), .answer = random.text(answer, model.vocabulary())});
  return texts;
}

/// A policy that keeps the two heads which a map of random weights puts first.
any_policy by_random_maps(reference::model const& model) {
  test::numbers random{11};
  score::head_predictor maps;
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
    if (model.attention_at(layer) == nullptr) continue;
    auto const heads = model.attention_at(layer)->heads;
    score::affine_map map{.inputs = model.width(), .bias = std::vector<float>(heads)};
    for (std::size_t i = 0; i < heads * model.width(); ++i) map.weight.push_back(random.next());
    maps.layers.push_back({.layer = layer, .maps = {map}});
  }
  return any_policy{score::predictor{in_memory("drawn", maps)} | select::top_k{2}}.during(phase::generation);
}

template <class Call>
std::string problem_of(Call const& call) {
  try {
    (void)call();
  } catch (error const& problem) {
    return problem.what();
  }
  return {};
}

}  // namespace

TEST_CASE("train_predictor: ridge regression is where the penalised error is flat") {
  for (double const penalty : {1e-3, 0.1, 10.0})
    for (Eigen::Index const count : {4, 60}) {  // fewer examples than inputs, and more
      CAPTURE(penalty);
      auto const some = drawn_examples(count, 7, 3);
      auto const map = fit_ridge(some, penalty);
      REQUIRE(map.inputs == 7);
      REQUIRE(map.outputs() == 3);
      // Derivatives of mean |W x + b - y|^2 + penalty |W|^2 by W[output][input] and b[output], in float64.
      for (std::size_t output = 0; output < 3; ++output) {
        std::vector<double> by_weight(7);
        double by_bias = 0;
        for (Eigen::Index row = 0; row < count; ++row) {
          double rest = static_cast<double>(map.bias[output]) - some.targets(row, reference::index(output));
          for (std::size_t i = 0; i < 7; ++i)
            rest += static_cast<double>(map.weight[output * 7 + i]) * some.inputs(row, reference::index(i));
          by_bias += 2 * rest / static_cast<double>(count);
          for (std::size_t i = 0; i < 7; ++i)
            by_weight[i] += 2 * rest * some.inputs(row, reference::index(i)) / static_cast<double>(count);
        }
        CHECK(std::abs(by_bias) < 1e-5);
        for (std::size_t i = 0; i < 7; ++i)
          CHECK(std::abs(by_weight[i] + 2 * penalty * static_cast<double>(map.weight[output * 7 + i])) < 2e-5);
      }
    }
}

TEST_CASE("train_predictor: ridge regression finds the map that made the targets, and the mean under a large penalty") {
  auto some = drawn_examples(40, 5, 2);
  for (Eigen::Index row = 0; row < 40; ++row) {
    some.targets(row, 0) = 2 * some.inputs(row, 1) - some.inputs(row, 0) + 0.5;
    some.targets(row, 1) = 7;
  }
  auto const map = fit_ridge(some, 1e-9);
  std::vector<float> const expected{-1, 2, 0, 0, 0, 0, 0, 0, 0, 0};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(map.weight[i] - expected[i]) < 1e-5f);
  CHECK(std::abs(map.bias[0] - 0.5f) < 1e-5f);
  CHECK(std::abs(map.bias[1] - 7) < 1e-5f);
  auto const flat = fit_ridge(some, 1e9);
  CHECK(std::abs(static_cast<double>(flat.bias[0]) - some.targets.col(0).mean()) < 1e-5);
}

TEST_CASE("train_predictor: what is recorded is the block's input and the heads that are kept, token by token") {
  test::for_both([](reference::model const& model) {
    auto const texts = random_texts(model, 3, 4);
    for (auto const* sentence : {"entropy | top_k(2) @ generation", "sum(previous(l2), output_norm) | top_k(1)"}) {
      auto const policy = parse_policy(sentence);
      auto const seen = record_decisions(reference_model{model}, texts, policy);
      REQUIRE(seen.size() == 3);
      for (std::size_t i = 0; i < texts.size(); ++i) {
        // The same text without anybody who writes down, and the first attention layer's input made by hand: no policy
        // has acted before it.
        auto tokens = texts[i].prompt;
        tokens.insert(tokens.end(), texts[i].answer.begin(), texts[i].answer.end() - 1);
        auto const first = model.first_attention();
        auto state = model.empty_state();
        reference::step const step{.tokens = tokens, .state = &state, .sequence_id = i};
        auto at = reference::begin_pass(model, std::span{&step, 1});
        reference::run_layers(model, std::span{&step, 1}, at, first, {}, dense);
        auto const inputs = reference::apply(model.layers[first].mixer_norm, at.x);
        REQUIRE(seen[i][first].width == model.width());
        for (std::size_t token = 0; token < texts[i].answer.size(); ++token)
          for (std::size_t feature = 0; feature < model.width(); ++feature)
            CHECK(std::abs(seen[i][first].input(token)[feature] -
                           inputs(reference::index(texts[i].prompt.size() - 1 + token), reference::index(feature))) <
                  1e-5f);
      }
      std::vector<std::vector<layer_decisions>> watched(texts.size());
      for (auto& of : watched) of.resize(model.layers.size());
      watch_answers(reference_model{model}, texts, policy, [&](std::size_t i) {
        return observer{.kept = [&of = watched[i]](site const& where, head_set const& kept) {
          of[where.layer].kept.push_back(kept);
        }};
      });
      for (std::size_t i = 0; i < texts.size(); ++i)
        for (std::size_t layer = 0; layer < model.layers.size(); ++layer)
          CHECK(seen[i][layer].kept == watched[i][layer].kept);
    }
    auto const one_layer =
        record_decisions(reference_model{model}, texts, parse_policy("l2 | top_k(1) @ generation, layers=3"));
    CHECK(one_layer[0][1].kept.empty());
    CHECK(one_layer[0][3].kept.size() == 4);
  });
}

TEST_CASE(
    "train_predictor: foretells what inputs determine, and nothing of what is random, on tokens it has not seen") {
  test::for_both([](reference::model const& model) {
    auto const texts = random_texts(model, 24, 20);
    auto const policy = by_random_maps(model);
    auto const trained = train_predictor(reference_model{model}, texts, policy);
    REQUIRE(trained.recall.size() == 2 * 6);  // layers, and texts at the end that nothing was learned from
    REQUIRE(trained.predictor.layers.size() == 2);
    auto const mean = [](trained_predictor const& of, std::size_t layer, double layer_recall::* what) {
      double sum = 0;
      for (auto const& one : of.recall)
        if (one.layer == of.predictor.layers[layer].layer) sum += one.*what / 6;
      return sum;
    };
    for (std::size_t i = 0; i < trained.recall.size(); ++i) {
      CHECK(trained.recall[i].layer == trained.predictor.layers[i / 6].layer);
      CHECK(trained.recall[i].text == 18 + i % 6);
      CHECK(trained.recall[i].tokens == 20);
      CHECK(trained.recall[i].random == 0.5);
    }
    for (std::size_t const layer : {0, 1}) {
      CHECK(mean(trained, layer, &layer_recall::predicted) > 0.85);
      CHECK(mean(trained, layer, &layer_recall::predicted) > mean(trained, layer, &layer_recall::constant) + 0.1);
    }

    // The recall, once more: the predictor runs beside the policy and is asked for its best two heads.
    auto const again = record_decisions(reference_model{model}, std::span{texts}.last(6), policy);
    for (std::size_t i = 0; i < 2; ++i) {
      auto const& maps = trained.predictor.layers[i];
      double hits = 0;
      for (auto const& text : again) {
        double of_text = 0;
        for (std::size_t token = 0; token < 20; ++token) {
          std::vector<double> scores(4);
          maps(text[maps.layer].input(token), scores);
          for (auto const head : text[maps.layer].kept[token]) {
            int better = 0;
            for (double const other : scores) better += other > scores[head] ? 1 : 0;
            of_text += better < 2 ? 1 : 0;
          }
        }
        auto const at = static_cast<std::size_t>(&text - again.data());
        CHECK(trained.recall[6 * i + at].predicted == doctest::Approx(of_text / (20 * 2)));
        hits += of_text;
      }
      CHECK(mean(trained, i, &layer_recall::predicted) == doctest::Approx(hits / (6 * 20 * 2)));
    }

    auto const chance =
        train_predictor(reference_model{model}, texts, parse_policy("random(seed=2) | top_k(2) @ generation"));
    for (std::size_t const layer : {0, 1}) CHECK(std::abs(mean(chance, layer, &layer_recall::predicted) - 0.5) < 0.15);
  });
}

TEST_CASE("train_predictor: what it makes stands in a policy, in the layers it was trained for") {
  test::made_model const gemma{test::small_recurrent_gemma()};
  auto const texts = random_texts(gemma.model, 4, 5);
  auto const trained =
      train_predictor(reference_model{gemma.model}, texts, parse_policy("entropy | top_k(2) @ generation, layers=3"));
  REQUIRE(trained.predictor.layers.size() == 1);
  CHECK(trained.predictor.layers[0].layer == 3);
  any_policy const policy = score::predictor{in_memory("p", trained.predictor)} | select::top_k{2};
  CHECK_THROWS_AS(reference::validate(policy, gemma.model), error);
  layer_set third;
  third.insert(3);
  CHECK_NOTHROW(reference::validate(policy.in_layers(third), gemma.model));
  CHECK(record_decisions(reference_model{gemma.model}, texts, policy.in_layers(third))[0][3].kept[0].size() == 2);
}

TEST_CASE("train_predictor: needs texts to test on and decisions to learn from") {
  test::made_model const jamba{test::small_jamba()};
  auto const texts = random_texts(jamba.model, 2, 3);
  CHECK(problem_of([&] {
          return train_predictor(reference_model{jamba.model}, std::span{texts}.first(1),
                                 parse_policy("l2 | top_k(1)"));
        }) == "training texts: there is 1, and a quarter must be left to test on (allowed: two or more)");
  CHECK(problem_of([&] {
          return train_predictor(reference_model{jamba.model}, texts, parse_policy("l2 | top_k(1) @ prefill"));
        }) ==
        "l2 | top_k(1) @ prefill: it decides nothing while an answer is read (allowed: a policy in whose scope "
        "generation and a layer with attention are)");
  CHECK(problem_of(
            [&] { return train_predictor(reference_model{jamba.model}, texts, parse_policy("l2 | top_k(9)")); }) != "");
  CHECK(held_out(2) == 1);
  CHECK(held_out(8) == 2);
}
