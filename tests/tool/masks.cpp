#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

namespace {

std::string const policy = " --policy 'entropy | top_k(3) @ generation' ";

json compared(std::string const& model, std::string const& more) {
  auto const result = run("masks --json --model " + model + policy + more);
  REQUIRE(result.code == 0);
  return json::parse(result.out);
}

}  // namespace

TEST_CASE("masks: the policy runs under every mask, and differences are those of a matrix") {
  for (auto const& model : {gemma, jamba}) {
    CAPTURE(model);
    auto const found = compared(model, "--prompts 4");
    CHECK(found["policy"] == "entropy | top_k(3) @ generation");
    CHECK(found["texts"] == 4);
    CHECK(found["tokens"] == 44);
    std::vector<std::string> const names{
        "dense",  "zero", "zero(bias=drop)", "mean(calibrated)", "resample(calibrated)", "uniform", "streaming(4, 16)",
        "rescale"};
    REQUIRE(found["rows"].size() == names.size());
    for (std::size_t a = 0; a < names.size(); ++a) {
      auto const& row = found["rows"][a];
      CHECK(row["mask"] == names[a]);
      CHECK(std::abs(row["kl"]["value"].get<double>() - found["kl"][0][a].get<double>()) < 1e-12);
      CHECK(row["other_choice"]["value"].get<double>() == doctest::Approx(found["other_choice"][0][a].get<double>()));
      CHECK(row["kl"]["ci95"][0] <= row["kl"]["value"]);
      CHECK(row["loglik"]["value"] < 0);
      CHECK(row["exact_match"]["value"].get<double>() <= 1);
      for (std::size_t b = 0; b < names.size(); ++b) {
        CHECK(found["other_choice"][a][b] == found["other_choice"][b][a]);
        if (a == b) CHECK(found["kl"][a][b] == 0);
        else CHECK(found["kl"][a][b].get<double>() >= -1e-9);
      }
    }
    CHECK(found["rows"][0]["exact_match"]["value"] == 1);  // dense finds its needles
    // Jamba's projection has no bias to be dropped, RecurrentGemma's has one; other masks differ from zero.
    CHECK((found["kl"][1][2] == 0) == (model == jamba));
    for (std::size_t b = 3; b < names.size(); ++b) CHECK(found["kl"][1][b].get<double>() > 1e-4);
    CHECK(compared(model, "--prompts 4") == found);
  }
}

TEST_CASE("masks: numbers are totals of rows, clustered by what the needles share, and compare reads the rows") {
  scratch const at;
  auto const file = at.path("r.jsonl").string();
  auto const found = compared(jamba, "--prompts 6 --masks 'zero; uniform' --rows " + file);
  auto const rows = rows_of(file);
  REQUIRE(rows.size() == 3 * 4 * 6);  // policies, metrics, texts
  for (auto const& line : found["rows"])
    for (auto const* metric : {"kl", "other_choice", "loglik", "exact_match"}) {
      auto const mask = line["mask"].get<std::string>();
      double sum = 0;
      for (auto const& row : rows)
        if (row["metric"] == metric &&
            row["policy"] == (mask == "dense"  ? "dense"
                              : mask == "zero" ? "entropy | top_k(3) @ generation"
                                               : "entropy | top_k(3) | uniform @ generation")) {
          sum += row["value"].get<double>();
          CHECK(row["task"] == "answers");
          CHECK(row["task_identity"] == found["task_identity"]);
          CHECK(row["model_identity"] == found["model_identity"]);
          CHECK(row["factors"].contains("needle"));
        }
      CHECK(line[metric]["value"].get<double>() == doctest::Approx(sum / 6));
      CHECK(line[metric]["n"] == 6);
    }
  auto const said = run("compare " + file +
                        " --task answers --a 'entropy | top_k(3) @ generation' --b "
                        "'entropy | top_k(3) | uniform @ generation'");
  CHECK(said.code == 0);
  CHECK(said.out.find("nobody") == std::string::npos);
  // The same again adds nothing; other texts under the same name would be refused.
  (void)compared(jamba, "--prompts 6 --masks 'zero; uniform' --rows " + file);
  CHECK(rows_of(file).size() == rows.size());
}

TEST_CASE("masks: a policy that drops nothing is dense under every mask") {
  auto const result = run("masks --model " + jamba + " --policy 'entropy | top_k(16)' --prompts 2");
  REQUIRE(result.code == 0);
  auto const line = result.out.find("6 streaming(4, 16)");
  REQUIRE(line != std::string::npos);
  CHECK(result.out.find("0.000 [0.000, 0.000]", line) < result.out.find('\n', line));
  CHECK(result.out.find("KL(row, column), nats a token") != std::string::npos);
}

TEST_CASE("calibrate: its file stands in sentences, and a mask of it changes what is said") {
  scratch const at;
  auto const file = at.path("O.safetensors").string();
  REQUIRE(run("calibrate --model " + gemma + " --prompts 3 --samples 7 --output " + file).code == 0);
  auto const first = read(file);
  CHECK(first.find("\"model_identity\"") != std::string::npos);
  REQUIRE(run("calibrate --model " + gemma + " --prompts 3 --samples 7 --output " + file).code == 0);
  CHECK(read(file) == first);
  auto const found =
      compared(gemma, "--prompts 2 --masks " + quoted("zero; mean(" + file + "); resample(" + file + ", seed=2)"));
  CHECK(found["rows"][2]["mask"] == "mean(" + file + ")");
  CHECK(found["kl"][1][2].get<double>() > 1e-4);
  CHECK(found["kl"][2][3].get<double>() > 1e-4);
  CHECK(refused(run("masks --model " + jamba + policy + "--prompts 2 --masks " + quoted("mean(" + file + ")")),
                "heads (allowed: outputs that"));
}

TEST_CASE("masks: bad input is refused") {
  auto const masks = [](std::string const& more) { return run("masks --model " + jamba + more); };
  CHECK(refused(masks(policy + "--masks zeros"), "column 1: no mask is named \"zeros\""));
  CHECK(refused(masks(policy + "--masks 'zero | uniform'"), "column 6"));
  CHECK(refused(masks(policy + "--masks 'mean(no-such-file)'"), "no-such-file"));
  CHECK(refused(masks(" --policy 'entropy | top_k(17)'"), "k from 0 to 16"));
  CHECK(refused(masks(""), "--policy"));
  CHECK(refused(run("calibrate --model " + jamba + " --samples -1 --output x"), "--samples"));
}
