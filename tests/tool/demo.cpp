#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

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

TEST_CASE("demo: the paper's findings come out of both models") {
  scratch const at;
  auto const result = run("demo --output " + at.path("").string());
  REQUIRE(result.code == 0);
  auto const json = nlohmann::json::parse(read(at.path("findings.json")));
  auto const rows = by_key(json);
  CHECK(rows.size() == json.size());
  for (auto const& row : json) {
    CAPTURE(row.dump());
    CHECK(row["n"].get<int>() >= 200);
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
    CHECK(value(model, "facts", "none", "accuracy") >= 0.95 * value(model, "facts", "dense", "accuracy"));
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
      CHECK(rows.contains({model, "facts", std::string{scorer} + " | top_k(5)", "accuracy", ""}));
      CHECK(rows.contains({model, "needle_inside_window", std::string{scorer} + " | top_k(5)", "exact_match", ""}));
    }
    auto const& compared =
        rows.at({model, "needle_inside_window", "entropy | top_k(3) @ generation", "difference_from_random", ""});
    CHECK(compared["p"].get<double>() < 0.05);
    CHECK(compared["test"].get<std::string>().find("McNemar") != std::string::npos);
  }
  CHECK(result.out.find("| paper") != std::string::npos);
  auto const picture = read(at.path("findings.svg"));
  CHECK(picture.starts_with("<?xml"));
  CHECK(picture.find("tiny-jamba") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(at.path("findings.svg.part")));
}

TEST_CASE("demo: the same seed gives the same bytes, whatever the number of threads, and another seed gives others") {
  scratch const at;
  auto const findings = [&](std::string const& name, std::string const& environment, std::string const& arguments) {
    std::filesystem::create_directory(at.path(name));
    REQUIRE(std::system((environment + " " + HEADCOUNT_TOOL + " demo --prompts 15 --output " + at.path(name).string() +
                         " " + arguments + " >/dev/null 2>&1")
                            .c_str()) == 0);
    return read(at.path(name) / "findings.json");
  };
  auto const first = findings("a", "OMP_NUM_THREADS=2", "");
  CHECK(first == findings("b", "OMP_NUM_THREADS=2", ""));
  CHECK(first == findings("c", "OMP_NUM_THREADS=1", ""));
  CHECK(first != findings("d", "OMP_NUM_THREADS=2", "--seed 2"));
}
