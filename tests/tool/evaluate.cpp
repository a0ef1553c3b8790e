#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

namespace {

std::vector<json> lines_of(std::string const& text) {
  std::vector<json> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

std::string const three = " --policy dense --policy none --policy 'entropy|top_k(2)@generation'";

}  // namespace

TEST_CASE("evaluate: facts need no attention, and rows and totals say so alike") {
  scratch const at;
  auto const rows = at.path("r.jsonl").string();
  auto const result =
      run("evaluate --model " + jamba + " --task facts --limit 20 --seed 7 --json --output " + rows + three);
  REQUIRE(result.code == 0);
  auto const lines = lines_of(read(rows));
  REQUIRE(lines.size() == 60);
  double right = 0;
  for (auto const& one : lines) {
    CHECK(one["model"] == "tiny-jamba");
    CHECK(one["task"] == "facts");
    CHECK(one["metric"] == "acc");
    CHECK(one["seed"] == 7);
    CHECK(one["loglik"].size() == 4);
    if (one["policy"] == "none") right += one["value"].get<double>();
  }
  CHECK(lines.back()["policy"] == "entropy | top_k(2) @ generation");
  auto const all = json::parse(result.out);
  REQUIRE(all["results"].size() == 3);
  CHECK(all["results"][1]["policy"] == "none");
  CHECK(all["results"][1]["value"].get<double>() == doctest::Approx(right / 20));
  CHECK(all["results"][1]["value"] > 0.8);
  CHECK(all["results"][1]["n"] == 20);
  // Dense and the policy that acts in generation alone share a reading, and so do the four choices.
  CHECK(all["tokens_without_sharing"] == 6 * all["tokens_computed"].get<int>());
  CHECK(run("compare " + rows + " --a dense --b none").code == 0);
}

TEST_CASE("evaluate: several tasks over texts of one's own, with shots and settings") {
  scratch const at;
  std::string lines;
  for (int i = 0; i < 4; ++i)
    lines += R"({"prompt": "question : what does Sunita work as ? answer :", "choices": ["a", "the"], "gold": )" +
             std::to_string(i % 2) + ", \"n\": " + std::to_string(i) + "}\n";
  auto const result =
      run("evaluate --model " + gemma + " --task choices --policy dense --shots 2 --set phase=generation" +
          " --json --data " + at.write("c.jsonl", lines));
  REQUIRE(result.code == 0);
  auto const all = json::parse(result.out)["results"];
  REQUIRE(all.size() == 3);
  for (auto const& one : all) {
    CHECK(one["setting"] == "shots=2, phase=generation, data=c.jsonl");
    CHECK(one["n"] == 4);
  }
  auto const text = at.write("t.txt", "the old mill was near the lake . people read of the mill . the lake was near");
  auto const both = run("evaluate --model " + gemma + " --task agreement --policy none --policy dense" +
                        " --set prefill=4 --set generation=6 --data " + text);
  REQUIRE(both.code == 0);
  CHECK(both.out.find("agreement/generation, prefill=4, generation=6, data=t.txt, none: kl ") != std::string::npos);
  CHECK(both.out.find("agreement/prefill, prefill=4, generation=6, data=t.txt, dense: kl 0 (") != std::string::npos);
  CHECK(both.out.find(" tokens computed, ") != std::string::npos);
}

TEST_CASE("evaluate names what is wrong and writes nothing") {
  scratch const at;
  auto const wrong = [&](std::string const& task, std::string const& more) {
    return run("evaluate --model " + jamba + " --task " + task + " --output " + at.path("r").string() + " " + more);
  };
  CHECK(refused(wrong("fact", "--policy dense"), "facts"));
  CHECK(refused(wrong("facts", "--policy dense --policy dense"), "twice"));
  CHECK(refused(wrong("facts", "--policy 'l2 | top_k(99)'"), "99"));
  CHECK(refused(wrong("facts", "--policy dense --shots 3"), "shots"));
  CHECK(refused(wrong("facts", "--policy dense --set prompts"), "KEY=VALUE"));
  CHECK(refused(wrong("facts", "--policy dense --set prompts=many"), "whole number"));
  CHECK(refused(wrong("facts", "--policy dense --limit 1 --set limit=2"), "twice"));
  CHECK(refused(wrong("facts", "--policy dense --task facts"), "facts is there twice"));
  CHECK(refused(wrong("mmlu", "--policy dense"), "data"));
  CHECK(refused(wrong("mmlu", "--policy dense --data /nowhere"), "/nowhere"));
  CHECK(refused(wrong("choices", "--policy dense --data /nowhere"), "/nowhere"));
  CHECK_FALSE(std::filesystem::exists(at.path("r")));
}
