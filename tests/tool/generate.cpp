#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

auto const* const prompts = R"({"prompts": [
  "the lively chair wash the puppet . the best thing to do in Lisbon is paint a lantern and sing in gardens on a sunny day . Aylin works as a dentist . question : what is the best thing to do in Lisbon ? answer :",
  [2, 6, 4, 8, 22, 486, 23, 21, 5, 7, 4]]})";

nlohmann::json complete(std::string const& model, std::string const& policy, int tokens) {
  scratch const at;
  auto const result = run("generate --model " + model + " --prompts " + at.write("p.json", prompts) + " --policy " +
                          quoted(policy) + " --max-new-tokens " + std::to_string(tokens));
  REQUIRE(result.code == 0);
  return nlohmann::json::parse(result.out)["completions"];
}

}  // namespace

TEST_CASE("generate finds a needle with attention and does not without") {
  for (auto const& model : {gemma, jamba}) {
    CAPTURE(model);
    CHECK(complete(model, "dense", 11)[0]["text"] == "paint a lantern and sing in gardens on a sunny day");
    CHECK(complete(model, "none @ generation", 11)[0]["text"] != "paint a lantern and sing in gardens on a sunny day");
  }
}

TEST_CASE("generate answers a fact without attention, to token ids, in the order of the prompts") {
  for (auto const& model : {gemma, jamba}) {
    auto const completions = complete(model, "none", 1);
    REQUIRE(completions.size() == 2);
    CHECK(completions[1]["token_ids"] == nlohmann::json{766});  // language.json: person 486 works as 766
    CHECK(completions[1]["token_ids"].size() == 1);
  }
}

TEST_CASE("generate names what is wrong with prompts") {
  scratch const at;
  auto const ask = [&](std::string const& json) {
    return run("generate --model " + jamba + " --prompts " + at.write("p.json", json) +
               " --policy dense --max-new-tokens 2");
  };
  CHECK(refused(ask(R"({"prompts": [7]})"), "prompts[0]"));
  CHECK(refused(ask(R"({"prompts": ["a", [9999]]})"), "prompts[1][0]"));
  CHECK(refused(ask(R"({"prompts": [[]]})"), "prompts[0]"));
  CHECK(refused(ask(R"({"prompts": {}})"), "prompts"));
  CHECK(refused(ask("{\"prompts\": [\"\xff\"]}"), "malformed JSON"));
  CHECK(
      refused(run("generate --model " + jamba + " --prompts /nowhere --policy dense --max-new-tokens 2"), "/nowhere"));
  CHECK(refused(run("generate --model " + std::string{HEADCOUNT_GOLDENS} + "/jamba_dense --prompts " +
                    at.write("p.json", R"({"prompts": ["a"]})") + " --policy dense --max-new-tokens 2"),
                "tokenizer.model"));
}
