#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;

TEST_CASE("budget: prints a sentence that other commands read, for runtime and static scorers") {
  scratch const at;
  auto const ranking = at.path("R.json").string();
  auto const prompts = at.write("prompts.json", R"({"prompts": [[2, 10, 11, 12, 13, 14]]})");
  REQUIRE(run("rank --model " + jamba + " --method ov_norm --output " + ranking).code == 0);
  for (auto const& scorer : {std::string{"entropy"}, "fixed(" + ranking + ")"}) {
    CAPTURE(scorer);
    auto const result = run("budget --model " + jamba + " --prompts 2 --heads 6 --scorer " + quoted(scorer));
    REQUIRE(result.code == 0);
    auto const sentence = result.out.substr(0, result.out.size() - 1);
    CHECK(sentence.starts_with(scorer + " | threshold("));
    CHECK(sentence.ends_with(" @ generation"));
    CHECK(
        run("generate --model " + jamba + " --prompts " + prompts + " --max-new-tokens 2 --policy " + quoted(sentence))
            .code == 0);
    // The best six of a ranking are six at every token.
    if (scorer != "entropy") CHECK(result.err.find("6.00 heads are kept") == 0);
  }
}

TEST_CASE("budget: bad input is refused") {
  auto const budget = [](std::string const& more) { return run("budget --model " + gemma + " --prompts 2 " + more); };
  CHECK(refused(budget("--scorer entropy --heads 21"), "21 heads of the model (allowed: 1 to 20)"));
  CHECK(refused(budget("--scorer entropy --heads 0"), "--heads"));
  CHECK(refused(budget("--scorer peak --heads 2"), "no scorer is named \"peak\""));
  CHECK(refused(budget("--scorer 'entropy | top_k(2)' --heads 2"), "not understood"));
}
