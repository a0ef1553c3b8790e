// result/summary.hpp

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/parse_row.hpp>
#include <headcount/result/summary.hpp>
#include <headcount/task/registry/task_kinds.hpp>

using namespace headcount::evaluate;

TEST_CASE("summary: means, Matthews' correlation, F1 and perplexities of all texts together") {
  std::vector<row> rows;
  auto const add = [&](std::string const& task, std::string const& metric, double value, nlohmann::ordered_json more) {
    rows.push_back({.model = "m",
                    .policy = "dense",
                    .task = task,
                    .metric = metric,
                    .prompt = std::to_string(rows.size()),
                    .value = value,
                    .more = std::move(more)});
  };
  // 4 true yes, 1 false yes, 3 true no, 2 false no: F1 = 8 / 11; Matthews = (4 * 3 - 1 * 2) / sqrt(5 * 6 * 4 * 5).
  for (auto const& [gold, predicted, count] :
       std::vector<std::array<int, 3>>{{1, 1, 4}, {0, 1, 1}, {0, 0, 3}, {1, 0, 2}})
    for (int i = 0; i < count; ++i)
      for (auto const* task : {"glue/cola", "glue/qqp"})
        add(task, "acc", gold == predicted ? 1 : 0, {{"gold", gold}, {"predicted", predicted}});
  add("perplexity", "word_perplexity", std::exp(2.0), {{"loglik", -8}, {"words", 4}});
  add("perplexity", "word_perplexity", std::exp(1.0), {{"loglik", -12}, {"words", 12}});
  add("perplexity", "bits_per_byte", 1, {{"loglik", -3}, {"bytes", 2}});
  for (int i = 0; i < 4; ++i) add("agreement/prefill", "kl", 0, {});
  auto const totals = summarise(rows, metrics_of);
  auto const value = [&](std::string const& task, std::string const& metric) {
    for (auto const& one : totals)
      if (one.task == task && one.metric == metric) return one.found.value;
    return -99.0;
  };
  CHECK(totals.size() == 8);
  CHECK(value("glue/cola", "acc") == doctest::Approx(0.7));
  CHECK(value("glue/cola", "mcc") == doctest::Approx(10 / std::sqrt(600.0)));
  CHECK(value("glue/qqp", "f1") == doctest::Approx(8.0 / 11));
  CHECK(value("perplexity", "word_perplexity") == doctest::Approx(std::exp(20.0 / 16)));
  CHECK(value("perplexity", "bits_per_byte") == doctest::Approx(1.5 / std::log(2.0)));
  CHECK(totals.front().found.prompts == 10);
  CHECK(totals[6].metric == "kl");
  CHECK(totals[6].found.ci95->high == 0);  // zero here is no share of prompts
  CHECK(totals.front().found.ci95->low == doctest::Approx(wilson(share{7, 10}).low));
  CHECK(totals[1].found.ci95->low < totals[1].found.value);
  CHECK(totals[1].found.ci95->high > totals[1].found.value);
  CHECK(std::ranges::none_of(totals, [](total const& one) { return one.found.not_finite > 0; }));
  // Cola's correlation and the mean of qqp's F1 and accuracy, each data set counting alike.
  CHECK(value("glue", "macro_mean") == doctest::Approx((10 / std::sqrt(600.0) + (8.0 / 11 + 0.7) / 2) / 2));
}

TEST_CASE(
    "summary: GLUE's macro mean counts data sets alike, MMLU's mean every question, and subjects have their own") {
  std::vector<row> rows;
  auto const add = [&](std::string const& task, std::string const& prompt, double value, int gold, int predicted,
                       std::string const& policy = "dense", std::string const& setting = "") {
    rows.push_back({.model = "m",
                    .policy = policy,
                    .task = task,
                    .setting = setting,
                    .metric = "acc",
                    .prompt = prompt,
                    .value = value,
                    .more = {{"gold", gold}, {"predicted", predicted}}});
    if (task == "mmlu") rows.back().factors["subject"] = prompt.substr(0, prompt.find('/'));
  };
  // sst2: 1 of 2 right. rte: 3 of 4. mrpc: 2 true yes, 1 false yes, 1 false no: accuracy 2/4, F1 = 4/6.
  add("glue/sst2", "0", 1, 1, 1);
  add("glue/sst2", "1", 0, 0, 1);
  for (int i = 0; i < 4; ++i) add("glue/rte", std::to_string(i), i < 3 ? 1 : 0, 0, i < 3 ? 0 : 1);
  for (int i = 0; i < 4; ++i) add("glue/mrpc", std::to_string(i), i < 2 ? 1 : 0, i == 2 ? 0 : 1, i < 3 ? 1 : 0);
  add("glue/sst2", "0", 1, 1, 1, "none");  // one data set has no mean over data sets
  add("glue/rte", "0", 1, 1, 1, "dense", "shots=5");
  // 3 questions of anatomy of which 1 is right, and 1 of virology.
  for (int i = 0; i < 3; ++i) add("mmlu", "anatomy/" + std::to_string(i), i == 0 ? 1 : 0, 0, i);
  add("mmlu", "virology/0", 1, 2, 2);
  add("mmlu", "anatomy/0", 1, 0, 0, "none");

  auto const totals = summarise(rows, metrics_of);
  auto const find = [&](std::string const& task, std::string const& metric, std::string const& policy = "dense") {
    std::vector<total> found;
    for (auto const& one : totals)
      if (one.task == task && one.metric == metric && one.policy == policy) found.push_back(one);
    return found;
  };
  auto const glue = find("glue", "macro_mean");
  REQUIRE(glue.size() == 1);
  CHECK(glue[0].found.value == doctest::Approx((1.0 / 2 + 3.0 / 4 + (2.0 / 4 + 4.0 / 6) / 2) / 3));
  CHECK(glue[0].found.prompts == 10);
  CHECK(glue[0].setting.empty());
  CHECK(glue[0].found.ci95->low < glue[0].found.value);
  CHECK(glue[0].found.ci95->high > glue[0].found.value);
  CHECK(find("glue", "macro_mean", "none").empty());

  REQUIRE(find("mmlu", "acc").size() == 1);
  CHECK(find("mmlu", "acc")[0].found.value == 2.0 / 4);  // not (1/3 + 1) / 2
  CHECK(find("mmlu", "acc")[0].found.prompts == 4);
  CHECK(find("mmlu/anatomy", "acc")[0].found.value == 1.0 / 3);
  CHECK(find("mmlu/anatomy", "acc")[0].found.prompts == 3);
  CHECK(find("mmlu/anatomy", "acc")[0].found.ci95->high == wilson(share{1, 3}).high);
  CHECK(find("mmlu/virology", "acc")[0].found.value == 1);
  CHECK(find("mmlu", "acc", "none").size() == 1);
  CHECK(find("mmlu/anatomy", "acc", "none").empty());  // one subject is all there is
}

TEST_CASE("summary: values that are not finite are left out and counted") {
  std::vector<row> rows;
  for (auto const nats : {-4.0, -2.0, -std::numeric_limits<double>::infinity()})
    rows.push_back({.model = "m",
                    .policy = "dense",
                    .task = "perplexity",
                    .metric = "perplexity",
                    .prompt = std::to_string(nats),
                    .value = std::exp(-nats / 2),
                    .more = {{"loglik", nats}, {"tokens", 2}}});
  rows.push_back({.model = "m",
                  .policy = "dense",
                  .task = "agreement/prefill",
                  .metric = "kl",
                  .prompt = "1",
                  .value = std::nan("")});
  for (auto& one : rows) one = parse_row("line", print(one));  // as a file has them
  auto const totals = summarise(rows, metrics_of);
  REQUIRE(totals.size() == 2);
  CHECK(totals[0].found.value == doctest::Approx(std::exp(6.0 / 4)));
  CHECK(totals[0].found.not_finite == 1);
  CHECK(totals[0].found.prompts == 2);
  CHECK(std::isnan(totals[1].found.value));
  CHECK(totals[1].found.not_finite == 1);
  CHECK_FALSE(totals[1].found.ci95.has_value());
}

TEST_CASE("summary: a metric that no task names is a mean of any numbers") {
  std::vector<row> rows;
  for (int i = 0; i < 20; ++i)
    rows.push_back({.task = "of mine", .metric = "found", .prompt = std::to_string(i), .value = i < 7 ? 1.0 : 0.0});
  auto const totals = summarise(rows, metrics_of);
  REQUIRE(totals.size() == 1);
  CHECK(totals[0].metric == "found");
  // Student's interval, 0.35 -+ t(19) sqrt(0.35 * 0.65 / 19): zeros and ones are no shares by what came out.
  CHECK(totals[0].found.ci95->high == doctest::Approx(0.35 + 2.093024 * std::sqrt(0.35 * 0.65 / 19)).epsilon(1e-6));
}
