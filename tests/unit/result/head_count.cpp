// result/head_count.hpp, on an engine of which we know which heads recall: examples/foreign_model.hpp.

#include <cstddef>
#include <filesystem>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/random_stream.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/result/count_heads.hpp>
#include <headcount/result/head_count.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>

#include "../../../examples/foreign_model.hpp"

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// Six pairs of a key and its value.
std::vector<token> some_pairs(std::uint64_t seed) {
  random_stream random{seed};
  std::vector<token> words(255);
  std::iota(words.begin(), words.end(), 1);
  return random.some_of(words, 12);
}

/// Asks for the value of a key of some pairs, while it generates.
task recall_of_pairs(std::size_t prompts) {
  task made{.name = "pairs", .identity = "1"};
  made.metrics = {metric{.name = "right", .better = direction::higher, .values = right_or_wrong}};
  std::vector<token> answers;
  for (std::size_t i = 0; i < prompts; ++i) {
    auto const pairs = some_pairs(100 + i);
    answers.push_back(pairs[3]);
    loglikelihood_request one{
        .prompt = {.tokens = pairs}, .continuations = {{pairs[2], pairs[3]}}, .read_as = phase::generation};
    made.prompts.push_back({.name = std::to_string(i), .request = std::vector{std::move(one)}, .tokens = 12});
  }
  made.judge = [answers](std::size_t i, answer const& found) -> std::vector<judgement> {
    return {{.metric = "right", .value = found.likelihoods.front().choices[1] == answers[i] ? 1.0 : 0.0}};
  };
  number_sequences(made);
  return made;
}

std::vector<std::vector<calibration_text>> some_draws() {
  std::vector<std::vector<calibration_text>> draws(2);
  for (std::size_t i = 0; i < 8; ++i) {
    auto prompt = some_pairs(i);
    prompt.push_back(prompt[2]);
    draws[i % 2].push_back({.prompt = prompt, .answer = {prompt[3]}, .source = {{3, 3}}});
  }
  return draws;
}

}  // namespace

TEST_CASE("count_heads: one head of three recalls, and who does not know which needs all") {
  any_model const model = toy_model{};
  model_under_test const asked{.name = "toy", .identity = "2", .model = model};
  auto const asking = recall_of_pairs(40);
  auto const draws = some_draws();
  auto const folder = std::filesystem::temp_directory_path() / "headcount-head-count.jsonl";
  std::filesystem::remove(folder);
  auto const count = [&](journal* file) {
    return count_heads({.model = model}, asked, asking, draws, {.methods = {"retrieval", "mean(l2)"}}, file);
  };
  auto const found = count(nullptr);
  CHECK(found.dense.value == 1);
  CHECK(found.dense.prompts == 40);
  CHECK(found.none.value == 0);
  REQUIRE(found.ways.size() == 4);  // no gates here
  for (auto const scope : {&heads_needed::of_layer, &heads_needed::of_model}) {
    for (auto const* kind : {"entropy", "static"}) {
      CAPTURE(kind);
      auto const* best = found.best(kind, scope);
      REQUIRE(best != nullptr);
      CHECK((best->*scope).heads <= 2);  // head 2 has as peaked rows: a threshold keeps both, order the first
      CHECK((best->*scope).ci95.low >= 1);
    }
    CHECK((found.best("random", scope)->*scope).heads == 3);
    CHECK(found.best("gate", scope) == nullptr);
  }
  CHECK(found.best("entropy", &heads_needed::of_layer)->of_layer.heads == 1);
  CHECK(found.best("static", &heads_needed::of_model)->of_model.heads == 1);
  CHECK(found.best("static", &heads_needed::of_model)->method == "retrieval");

  // Its rows can be gone on with, and say the same.
  {
    journal file{folder};
    (void)count(&file);
  }
  auto const size = std::filesystem::file_size(folder);
  journal file{folder};
  CHECK(file.rows().size() % 40 == 0);
  auto const again = count(&file);
  CHECK(std::filesystem::file_size(folder) == size);
  for (std::size_t way = 0; way < found.ways.size(); ++way) {
    CHECK(again.ways[way].of_layer.heads == found.ways[way].of_layer.heads);
    CHECK(again.ways[way].of_model.ci95.high == found.ways[way].of_model.ci95.high);
  }
  std::filesystem::remove(folder);
}

TEST_CASE("keep_named_heads: its sentence names the heads, and equal heads are one policy") {
  auto const policy = keep_named_heads({{}, {3, 0, 1}, {0, 0}});
  CHECK(print(policy) == R"(fixed("heads 1: 0,2; 2: ") | threshold(0.5) @ generation)");
  CHECK(policy_identity(policy) == policy_identity(keep_named_heads({{}, {1, 0, 9}, {0, 0}})));
  CHECK(policy_identity(policy) != policy_identity(keep_named_heads({{}, {1, 1, 0}, {0, 0}})));
}
