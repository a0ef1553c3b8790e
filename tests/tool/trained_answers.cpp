// The small hybrids of newer kinds answer as in Hugging Face transformers, token for token: 20 needle prompts of each,
// and how likely four professions of 24 people are. examples/models/train/with_transformers/evaluate.py wrote the
// files:
//
//     evaluate.py --output measured.jsonl --answers tests/golden/data/trained/answers --answers-seed 20261203
//         examples/models/tiny-qwen3-next examples/models/tiny-granite-hybrid examples/models/tiny-lfm2

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

/// `command` of the tool on a model of examples/models, with an input file, under a policy.
nlohmann::json ask(std::string const& command, std::string const& model, nlohmann::json const& input,
                   std::string const& policy) {
  scratch const at;
  auto const result = run(command + " --model " + HEADCOUNT_MODELS + "/" + model + at.write("in.json", input.dump()) +
                          " --policy " + quoted(policy));
  REQUIRE(result.code == 0);
  return nlohmann::json::parse(result.out);
}

void check_answers(std::string const& model) {
  auto const theirs =
      nlohmann::json::parse(read(std::string{HEADCOUNT_GOLDENS} + "/trained/answers/" + model + ".json"));
  auto const& prompts = theirs["prompts"];
  REQUIRE(prompts.size() == 20);
  REQUIRE(theirs["greedy"].size() == 4);
  for (auto const& [policy, answers] : theirs["greedy"].items()) {
    CAPTURE(policy);
    auto const ours =
        ask("generate --max-new-tokens 12", model + " --prompts ", {{"prompts", prompts}}, policy)["completions"];
    REQUIRE(ours.size() == prompts.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      CAPTURE(i);
      CHECK(ours[i]["token_ids"] == answers[i]);
    }
  }

  REQUIRE(theirs["items"].size() == 24);
  REQUIRE(theirs["log_likelihoods"].size() == 2);
  for (auto const& [policy, likelihoods] : theirs["log_likelihoods"].items()) {
    CAPTURE(policy);
    auto const ours = ask("loglik", model + " --items ", {{"items", theirs["items"]}}, policy)["items"];
    REQUIRE(ours.size() == likelihoods.size());
    double farthest = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      auto const nats = ours[i]["loglik"].get<std::vector<double>>();
      REQUIRE(nats.size() == likelihoods[i].size());
      for (std::size_t choice = 0; choice < nats.size(); ++choice)
        farthest = std::max(farthest, std::fabs(nats[choice] - likelihoods[i][choice].get<double>()));
    }
    CHECK(farthest < 1e-3);
  }
}

}  // namespace

TEST_CASE("trained: tiny-qwen3-next answers 20 prompts as transformers does, under four policies") {
  check_answers("tiny-qwen3-next");
}

TEST_CASE("trained: tiny-granite-hybrid answers 20 prompts as transformers does, under four policies") {
  check_answers("tiny-granite-hybrid");
}

TEST_CASE("trained: tiny-lfm2 answers 20 prompts as transformers does, under four policies") {
  check_answers("tiny-lfm2");
}
