#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/result/journal.hpp>

#include "support/run.hpp"

using namespace test;
using nlohmann::json;

TEST_CASE("bridge: runtime, static and control at the same number of heads, with what static selection loses") {
  scratch const at;
  auto const file = at.path("B.json").string();
  auto const result = run("bridge --model " + gemma + " --k 3,10 --draws 3 --calibration 2 --test 15 --output " + file);
  REQUIRE(result.code == 0);
  auto const written = json::parse(read(file));
  CHECK(written["model"] == "tiny-recurrent-gemma");
  CHECK(written["model_identity"].get<std::string>().size() == 32);
  CHECK(written["calibration_draws"] == 3);
  CHECK(written["calibration_prompts"] == 2);
  CHECK(written["test_prompts"] == 15);

  std::map<std::tuple<std::string, std::string, int, std::string>, double> values;  // method, budget, k, metric
  std::set<std::string> kinds;
  for (auto const& row : written["rows"]) {
    CAPTURE(row.dump());
    auto const value = row["value"].get<double>();
    CHECK(row["ci95"][0].get<double>() <= value);
    CHECK(row["ci95"][1].get<double>() >= value);
    CHECK(row["n"] == 15);
    CHECK(row["clusters"] == 15);
    auto const method = row["method"].get<std::string>();
    bool const calibrated =
        std::set<std::string>{"retrieval", "greedy", "leave_one_out", "random_heads"}.contains(method);
    if (calibrated) CHECK(row["draws"] == 3);
    if (std::set<std::string>{"entropy", "dense", "ov_copying"}.contains(method)) CHECK(row["draws"] == 1);
    CHECK(row["draw_range"][0].get<double>() <= value);
    CHECK(row["draw_range"][1].get<double>() >= value);
    if (row["method"] != "dense" && row["method"] != "none") CHECK(row["heads"] == 2 * row["k"].get<int>());
    kinds.insert(row["kind"].get<std::string>());
    bool const is_new = values
                            .emplace(std::tuple{row["method"].get<std::string>(), row["budget"].get<std::string>(),
                                                row["k"].get<int>(), row["metric"].get<std::string>()},
                                     value)
                            .second;
    CHECK(is_new);
  }
  CHECK(kinds == std::set<std::string>{"control", "runtime", "static"});
  CHECK(values.at({"none", "layer", 0, "exact_match"}) == 0);
  auto const dense = values.at({"dense", "layer", 10, "exact_match"});
  CHECK(dense > 0.9);
  for (auto const* budget : {"layer", "global"}) {
    // All ten heads of both layers are all heads, whoever chooses them.
    CHECK(values.at({"ov_copying", budget, 10, "exact_match"}) == dense);
    CHECK(values.at({"random_heads", budget, 10, "exact_match"}) == dense);
    CHECK(values.at({"predictor(entropy | top_k(10) @ generation)", budget, 10, "exact_match"}) == dense);
    CHECK(values.contains({"predictor(entropy | top_k(3) @ generation)", budget, 3, "regret"}));
    CHECK(values.contains({"qk_previous_token", budget, 3, "regret"}));
    for (auto const* method : {"keep_frequency(entropy | top_k(3) @ generation)", "mean(entropy)", "retrieval",
                               "greedy", "most_uniform", "leave_one_out"})
      CHECK(values.at({method, budget, 3, "regret"}) ==
            doctest::Approx(values.at({"entropy", "layer", 3, "exact_match"}) -
                            values.at({method, budget, 3, "exact_match"})));
  }
  CHECK(values.at({"entropy", "layer", 3, "regret"}) == 0);

  std::size_t compared = 0;
  for (auto const& row : written["agreement"]) {
    CAPTURE(row.dump());
    if (row["metric"] == "jaccard_at_k" && row["k"] == 10 && !row["value"].is_null()) CHECK(row["value"] == 1);
    if (row["a"] == "mean(entropy)" && row["b"] == "most_uniform" && row["metric"] == "kendall_tau_b") {
      CHECK(row["value"].get<double>() == doctest::Approx(-1));
      ++compared;
    }
  }
  CHECK(compared == 1);
  CHECK(result.out.find("Kendall") != std::string::npos);

  // The rows are those of a journal, of the task that evaluate asks by this name, and give the same means.
  auto const journal = headcount::evaluate::read_journal(at.path("B.jsonl"));
  CHECK_FALSE(journal.torn);
  double sum = 0;
  std::set<int> draws;
  std::set<std::string> prompts;
  for (auto const& row : journal.rows) {
    if (row.more["method"] != "greedy" || row.more["budget"] != "global" || row.more["k"] != 3) continue;
    sum += row.value;
    draws.insert(row.more["calibration"].get<int>());
    prompts.insert(row.prompt);
    CHECK_FALSE(row.factors.at("needle").empty());
    CHECK(row.task_identity == written["task_identity"].get<std::string>());
  }
  CHECK(draws.size() == 3);
  CHECK(prompts.size() == 15);
  CHECK(sum / 45 == doctest::Approx(values.at({"greedy", "global", 3, "exact_match"})));
  auto const again = at.path("E.jsonl");
  REQUIRE(run("evaluate --model " + gemma + " --task recall --set prompts=15 --policy dense --output " + again.string())
              .code == 0);
  std::size_t same = 0;
  for (auto const& one : headcount::evaluate::read_journal(again).rows)
    for (auto const& other : journal.rows)
      if (key_of(one) == key_of(other)) {
        CHECK(one.value == other.value);
        CHECK(one.factors == other.factors);
        ++same;
      }
  CHECK(same == 15);
}

TEST_CASE("bridge: output gates choose beside entropy where heads have some, and scorers that are named") {
  scratch const at;
  auto const file = at.path("B.json").string();
  auto const bridge = [&](std::string const& model, std::string const& more) {
    return run("bridge --model " + model + " --k 2 --draws 2 --calibration 2 --test 6 --output " + file + more);
  };
  auto const methods = [&] {
    std::multiset<std::string> all;
    auto const made = json::parse(read(file));
    for (auto const& row : made["rows"])
      if (row["metric"] == "exact_match") all.insert(row["method"].get<std::string>());
    return all;
  };
  auto const qwen = std::string{HEADCOUNT_MODELS} + "/tiny-qwen3-next";
  REQUIRE(bridge(qwen, "").code == 0);
  for (auto const* scorer : {"gate", "gated_output_norm"}) {
    CAPTURE(scorer);
    std::string const name{scorer};
    CHECK(methods().count(name) == 2);  // in layers, and in the model
    for (auto const& distilled : {"mean(" + name + ")", "keep_frequency(" + name + " | top_k(2) @ generation)",
                                  "predictor(" + name + " | top_k(2) @ generation)"})
      CHECK(methods().count(distilled) == 2);
  }
  REQUIRE(bridge(gemma, " --scorer output_norm").code == 0);
  CHECK(methods().count("output_norm") == 2);
  CHECK(methods().count("gate") == 0);
  CHECK(refused(bridge(gemma, " --scorer gate"), "output gates"));
  CHECK(refused(bridge(gemma, " --scorer gat"), "gat"));
}

TEST_CASE("bridge: bad input is refused before anything is computed") {
  scratch const at;
  auto const to = " --output " + at.path("B.json").string();
  CHECK(refused(run("bridge --model " + gemma + " --k 2,11" + to), "k from 0 to 10"));
  CHECK(refused(run("bridge --model " + gemma + " --k 0" + to), "1 or more"));
  CHECK(refused(run("bridge --model " + gemma + " --k two" + to), "two"));
  CHECK(refused(run("bridge --model " + gemma + " --calibration 1" + to), "--calibration"));
  CHECK(refused(run("bridge --model " + gemma + " --draws 1" + to), "--draws"));
  CHECK(refused(run("bridge --model " + gemma + " --language none.json" + to), "none.json"));
  CHECK(refused(run("bridge --model " + gemma + " --output " + at.path("B.jsonl").string()), "--rows"));
  CHECK_FALSE(std::filesystem::exists(at.path("B.json")));
  CHECK_FALSE(std::filesystem::exists(at.path("B.jsonl")));
}
