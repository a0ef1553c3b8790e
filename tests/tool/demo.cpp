#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/result/journal.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

/// The findings of a full run, by (model, task, policy, metric, setting).
using findings = std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, nlohmann::json>;

findings by_key(nlohmann::json const& rows) {
  findings found;
  for (auto const& row : rows) found[{row["model"], row["task"], row["policy"], row["metric"], row["setting"]}] = row;
  return found;
}

}  // namespace

TEST_CASE("demo: the paper's findings come out of its kinds of models, and what is not the paper's out of newer ones") {
  scratch const at;
  ::setenv("OMP_NUM_THREADS", "2", 1);  // it is the longest test, and the last to end
  auto const result = run("demo --output " + at.path("").string());
  REQUIRE(result.code == 0);
  auto const json = nlohmann::json::parse(read(at.path("findings.json")));
  auto const rows = by_key(json);
  CHECK(rows.size() == json.size());
  for (auto const& row : json) {
    CAPTURE(row.dump());
    CHECK(row["n"].get<int>() >= 105);
    if (row["setting"] == "" && row["task"].get<std::string>().find("beyond") == std::string::npos)
      CHECK(row["n"].get<int>() >= 200);
    CHECK(row["clusters"] == row["n"]);  // no two prompts share a needle
    CHECK(row["ci95"][0].get<double>() <= row["value"].get<double>());
    CHECK(row["ci95"][1].get<double>() >= row["value"].get<double>());
    for (auto const* key : {"model", "task", "setting", "policy", "metric", "model_identity", "seed", "version"})
      CHECK(row.contains(key));
  }
  auto const value = [&](std::string const& model, std::string const& task, std::string const& policy,
                         std::string const& metric, std::string const& setting = "") {
    CAPTURE(policy);
    CAPTURE(setting);
    return rows.at({model, task, policy, metric, setting})["value"].get<double>();
  };
  struct limits {
    std::string model;
    double dense;
    double early_low, early_high;
  };
  for (auto const& [model, dense_limit, early_low, early_high] :
       {limits{"tiny-recurrent-gemma", 0.98, 0, 0.05}, limits{"tiny-jamba", 0.94, 0.9, 1}}) {
    CAPTURE(model);
    auto const dense = value(model, "needle_inside_window", "dense", "exact_match");
    CHECK(dense >= dense_limit);
    CHECK(value(model, "needle_inside_window", "none @ generation", "exact_match") == 0);
    CHECK(value(model, "needle_inside_window", "none", "exact_match") == 0);
    CHECK(value(model, "facts", "none", "acc") >= 0.95 * value(model, "facts", "dense", "acc"));
    auto const early = value(model, "needle_beyond_window_early", "dense", "exact_match");
    CHECK(early >= early_low);
    CHECK(early <= early_high);
    CHECK(value(model, "needle_beyond_window_late", "dense", "exact_match") >= 0.9);

    // Reading twice helps as little as it hurts.
    CHECK(value(model, "needle_inside_window", "dense", "exact_match", "read=twice") >= dense_limit);
    CHECK(value(model, "needle_inside_window", "none @ generation", "exact_match", "read=twice") == 0);
    CHECK(value(model, "needle_inside_window", "none", "exact_match", "read=twice") == 0);

    // Generation has to see the needle. What prefill does not see it does not predict: the answer's first word.
    auto const exposed = [&](std::string const& metric, std::string const& setting) {
      return value(model, "needle_inside_window", "dense", metric, setting);
    };
    CHECK(exposed("exact_match", "edit=omit_needle, phase=generation") == 0);
    CHECK(exposed("exact_match_after_first", "edit=omit_needle, phase=generation") == 0);
    CHECK(exposed("exact_match", "edit=omit_needle, phase=prefill") <= 0.1);
    CHECK(exposed("exact_match_after_first", "edit=omit_needle, phase=prefill") >= 0.9);
    for (auto const* when : {"generation", "prefill", "both"}) {
      auto const setting = std::string{"edit=only_needle, phase="} + when;
      CHECK(exposed("exact_match", setting) >= 0.9);
      CHECK(exposed("exact_match_after_first", setting) >= exposed("exact_match", setting));
    }

    // The smallest k, worked out again from the rows.
    auto const smallest =
        value(model, "needle_inside_window", "entropy | top_k(k) @ generation", "smallest_k_with_0.9_of_dense");
    auto const at_k = [&](double k) {
      return value(model, "needle_inside_window",
                   "entropy | top_k(" + std::to_string(static_cast<int>(k)) + ") @ generation", "exact_match");
    };
    CHECK(at_k(smallest) >= 0.9 * dense);
    CHECK((smallest == 1 || at_k(smallest - 1) < 0.9 * dense));
    for (auto const* scorer : {"entropy", "l2", "random"}) {
      CHECK(rows.contains(
          {model, "needle_inside_window", std::string{scorer} + " | top_k(3) @ generation", "exact_match", ""}));
      CHECK(rows.contains({model, "facts", std::string{scorer} + " | top_k(5)", "acc", ""}));
      CHECK(rows.contains({model, "needle_inside_window", std::string{scorer} + " | top_k(5)", "exact_match", ""}));
    }
    auto const& compared =
        rows.at({model, "needle_inside_window", "entropy | top_k(3) @ generation", "difference_from_random", ""});
    CHECK(compared["p"].get<double>() < 0.05);
    CHECK(compared["test"].get<std::string>().find("McNemar") != std::string::npos);
  }

  // Newer kinds: what transformers measured on other prompts of the same kind (examples/models/README.md), within the
  // interval of a share of 100.
  auto const found = [&](std::string const& model, std::string const& policy) {
    return value(model, "needle_inside_window", policy, "exact_match");
  };
  for (auto const* model : {"tiny-qwen3-next", "tiny-granite-hybrid", "tiny-lfm2"}) {
    CAPTURE(model);
    CHECK(found(model, "dense") >= 0.93);
    CHECK(found(model, "none @ generation") == 0);
    CHECK(found(model, "entropy | top_k(4) @ generation") == doctest::Approx(0.95).epsilon(0.07));
    CHECK(value(model, "facts", "dense", "acc") >= 0.98);
  }
  CHECK(value("tiny-qwen3-next", "facts", "none", "acc") >= 0.98);
  CHECK(value("tiny-granite-hybrid", "facts", "none", "acc") >= 0.98);
  CHECK(value("tiny-lfm2", "facts", "none", "acc") < 0.36);  // chance is 0.25
  for (auto const* k : {"1", "2"}) {
    auto const policy = " | top_k(" + std::string{k} + ") @ generation";
    CHECK(found("tiny-qwen3-next", "gate" + policy) > found("tiny-qwen3-next", "entropy" + policy));
    auto const& compared =
        rows.at({"tiny-qwen3-next", "needle_inside_window", "gate" + policy, "difference_from_entropy", ""});
    CHECK(compared["p"].get<double>() < 0.05);
  }
  CHECK(result.out.find("tiny-lfm2 without attention knows") != std::string::npos);
  CHECK(result.out.find("tiny-qwen3-next's own gates choose better heads than entropy at k = 1 to 4") !=
        std::string::npos);

  // The README shows what it prints, the documentation what it draws.
  CHECK(result.out.find("| paper") != std::string::npos);
  auto const printed = result.out.substr(0, result.out.find("\nwrote "));
  CHECK(read(std::string{HEADCOUNT_SOURCE} + "/README.md").find(printed) != std::string::npos);
  auto const picture = read(at.path("findings.svg"));
  CHECK(picture.starts_with("<?xml"));
  CHECK(picture.find("tiny-jamba") != std::string::npos);
  CHECK(picture == read(std::string{HEADCOUNT_SOURCE} + "/docs/findings.svg"));
  for (auto const& entry : std::filesystem::directory_iterator{at.path("")})
    CHECK_FALSE(entry.path().filename().string().starts_with(".headcount-"));
}

TEST_CASE("demo: the same seed gives the same bytes, whatever the number of threads, and another seed gives others") {
  scratch const at;
  auto const findings = [&](std::string const& name, std::string const& environment, std::string const& arguments) {
    std::filesystem::create_directory(at.path(name));
    REQUIRE(std::system((environment + " " + HEADCOUNT_TOOL + " demo --prompts 15 --seed 2 --output " +
                         at.path(name).string() + " " + arguments + " >" + at.path("printed").string() + " 2>&1")
                            .c_str()) == 0);
    return read(at.path(name) / "findings.json");
  };
  auto const file = at.path("rows.jsonl");
  auto const first = findings("a", "OMP_NUM_THREADS=2", "--rows " + file.string());
  CHECK(first == findings("b", "OMP_NUM_THREADS=1", ""));
  // The README's are of seed 1.
  auto const printed = read(at.path("printed"));
  auto const asked = printed.substr(printed.find("Asked"), 200);
  CHECK(asked.size() == 200);
  CHECK(read(std::string{HEADCOUNT_SOURCE} + "/README.md").find(asked.substr(0, asked.find('\n'))) ==
        std::string::npos);

  // Findings are totals of rows, which are gone on with: those that are there are not asked for again.
  auto const rows = headcount::evaluate::read_journal(file).rows;
  CHECK(rows.size() > 5 * 15 * 40);
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<double>> values;
  for (auto const& one : rows)
    if (one.task == "facts") values[{one.model, one.policy, one.metric}].push_back(one.value);
  std::size_t compared = 0;
  for (auto const& one : nlohmann::json::parse(first)) {
    if (one["task"] != "facts") continue;
    auto const& own = values.at({one["model"], one["policy"], one["metric"]});
    CHECK(own.size() == 15);
    CHECK(one["value"].get<double>() == doctest::Approx(std::accumulate(own.begin(), own.end(), 0.0) / 15));
    ++compared;
  }
  CHECK(compared == values.size());
  auto const text = read(file);
  CHECK(first == findings("d", "OMP_NUM_THREADS=2", "--rows " + file.string()));
  CHECK(text == read(file));
}
