// An engine that is none of the library's own, examples/foreign_model.hpp: whatever takes an observed engine takes it.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random_stream.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/ranking/bridge.hpp>
#include <headcount/ranking/bridge_figures.hpp>
#include <headcount/ranking/head_output_calibration.hpp>
#include <headcount/ranking/make_bridge.hpp>
#include <headcount/ranking/registry.hpp>
#include <headcount/ranking/stability.hpp>
#include <headcount/record/recorder.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/metric.hpp>
#include <unit/support/toy.hpp>

#include "../../../examples/foreign_model.hpp"

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// Pairs of a key and its value, and then one key again: its value is the answer, which head 0 alone recalls.
std::vector<calibration_text> pairs(std::size_t count, std::uint64_t seed) {
  random_stream random{seed};
  std::vector<token> words(255);
  std::iota(words.begin(), words.end(), 1);
  std::vector<calibration_text> texts;
  for (std::size_t i = 0; i < count; ++i) {
    auto prompt = random.some_of(words, 12);
    auto const key = 2 * random.below(5) + 2;  // not the first, which head 2 looks at
    prompt.push_back(0);                       // asks for nothing
    prompt.push_back(prompt[key]);
    texts.push_back({.prompt = prompt,
                     .answer = {prompt[key + 1]},
                     .source = {{key + 1, key + 1}},
                     .query = {{13, 13}},
                     .null_query = {0}});
  }
  return texts;
}

std::string problem_of(auto const& work) {
  try {
    work();
  } catch (error const& wrong) {
    return wrong.what();
  }
  return {};
}

}  // namespace

TEST_CASE("foreign_model: is ranked by every method that asks an engine, and not by those that read weights") {
  auto const texts = pairs(6, 1);
  ranking_ground const from{.model = toy_model{}, .texts = texts};
  for (auto const& method : ranking_methods) {
    CAPTURE(method.name);
    std::string const name{method.name};
    if (method.level == ranking_level::weights) {
      CHECK(problem_of([&] { (void)score_all_heads(from, name); }).find("it reads weights (level 3)") != name.npos);
      continue;
    }
    if (method.level != ranking_level::observed) continue;
    auto const argument = method.argument == "SCORER" ? "(l2)" : method.argument == "POLICY" ? "(l2 | top_k(1))" : "";
    auto const scores = score_all_heads(from, name + argument);
    REQUIRE(scores.size() == 1);
    REQUIRE(scores[0].size() == 3);
    // Head 0 recalls, and no other attends to the answer more than to anything else.
    CHECK(std::ranges::max_element(scores[0]) == scores[0].begin());
  }
  CHECK(needle_attention(toy_model{}, texts)[0][0] == doctest::Approx(1));
  CHECK(needle_attention(toy_model{}, texts)[0][1] == doctest::Approx(1.0 / 14));
  CHECK(needle_attention(toy_model{}, texts)[0][2] == 0);
}

TEST_CASE("foreign_model: head outputs are calibrated, and what it does is recorded") {
  auto const texts = pairs(4, 2);
  auto const outputs = calibrate_outputs(toy_model{}, texts, 2, 1);
  REQUIRE(outputs.layers.size() == 1);
  CHECK(outputs.layers[0].heads == 3);
  CHECK(outputs.layers[0].dim == 256);
  // Head 0 puts out its answer, a quarter of the time each.
  for (auto const& text : texts) {
    auto const share = std::ranges::count(texts, text.answer, &calibration_text::answer);
    CHECK(outputs.layers[0].mean[static_cast<std::size_t>(text.answer[0])] == static_cast<float>(share) / 4);
  }

  record::recorder recorder{{.rows = record::row_form::before_edits}};
  any_model const model = toy_model{};
  auto state = model.start();
  step<any_model::state> const one{.tokens = texts[0].prompt, .state = &state};
  model.run(std::span{&one, 1}, {}, dense, [](auto&&...) {}, as_observer(recorder));
  auto const seen = recorder.result();
  REQUIRE(seen.sites.size() == 14);
  CHECK(seen.sites[13].rows[1].weights[3] == 1.0f / 14);
}

TEST_CASE("foreign_model: is bridged, and the intervals of what is calibrated hold the draws") {
  std::vector<std::vector<calibration_text>> draws;
  for (std::uint64_t seed = 10; seed < 13; ++seed) draws.push_back(pairs(4, seed));
  auto const asked = pairs(8, 3);
  any_model const model = toy_model{};
  auto all = make_bridge({.model = model}, draws, {.k = {1}});
  std::size_t policies_asked = 0;
  measure_bridge(all, [&](std::span<any_policy const> policies) {
    policies_asked = policies.size();
    auto values = answer_loglik{model, asked}.of_texts(policies);
    for (auto& of_policy : values)
      for (auto& value : of_policy) value = value > -5 ? 1 : 0;  // about ln(1 / 256) = -5.55 where nothing is recalled
    return values;
  });
  clusters groups;
  for (std::size_t i = 0; i < asked.size(); ++i) groups.push_back({i});
  std::size_t calibrated = 0;
  std::size_t total = 0;
  for (auto const& entry : all.entries) {
    CAPTURE(entry.method);
    CAPTURE(entry.budget);
    total += entry.policies.size();
    auto const found = figure_of(entry.values, groups, right_or_wrong);
    CHECK(found.prompts == 8);
    CHECK(found.draws == entry.policies.size());
    CHECK(found.ci95.low <= found.value);
    CHECK(found.value <= found.ci95.high);
    CHECK((found.least <= found.value && found.value <= found.most));
    calibrated += found.draws == 3 ? 1 : 0;
    for (auto const* method : {"dense", "entropy", "retrieval", "leave_one_out", "greedy"})
      if (entry.method == method) CHECK(found.value == 1);
    if (entry.method == "none" || entry.method == "most_uniform") CHECK(found.value == 0);
    if (entry.method == "retrieval") CHECK(figure_of(regret_of(all, entry), groups, real_scale).value == 0);
  }
  CHECK(calibrated > 10);
  CHECK(policies_asked < total);  // equal choices are asked once
  CHECK(std::ranges::count(all.entries, std::string{"predictor(entropy | top_k(1) @ generation)"},
                           &bridge_entry::method) == 2);
  CHECK(problem_of([&] { (void)make_bridge({.model = model}, std::span{draws}.first(1), {.k = {1}}); }) ==
        "calibration: it is drawn 1 times (allowed: 2 or more)");
}

TEST_CASE("any_model: an engine that shows no attention says which level is asked for") {
  any_model const model = test::toy_model{};
  CHECK_FALSE(model.is_observed());
  CHECK(any_model{toy_model{}}.is_observed());
  auto const texts = pairs(2, 1);
  auto const problem =
      "engine: it takes tokens and gives logits (level 1), and does not show its attention (allowed: an observed "
      "engine (level 2), see engine/observed.hpp)";
  CHECK(problem_of([&] { (void)model.layers(); }) == problem);
  CHECK(problem_of([&] { (void)needle_attention(model, texts); }) == problem);
  CHECK(problem_of([&] { watch_answers(model, texts, dense, [](std::size_t) { return observer{}; }); }) == problem);
}
