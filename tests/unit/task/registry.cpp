// task/registry/task_kinds.hpp: what tasks say of their metrics.

#include <map>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <headcount/task/registry/task_kinds.hpp>

using namespace headcount::evaluate;

TEST_CASE("task_kinds: which metrics each task has, and which way they are better") {
  std::map<std::string, std::string> found;
  for (auto const* task : {"agreement/prefill", "agreement/generation", "choices", "exposure", "facts", "glue/cola",
                           "glue/mrpc", "glue/qqp", "glue/sst2", "mmlu", "mmlu/anatomy", "mqar", "needle", "perplexity",
                           "recall", "ruler/vt", "nothing"}) {
    auto& list = found[task];
    for (auto const& one : metrics_of(task)) {
      CHECK_FALSE(one.unit.empty());
      list += std::string{list.empty() ? "" : " "} + std::string{one.name} +
              (one.better == direction::higher  ? "+"
               : one.better == direction::lower ? "-"
                                                : "?");
    }
  }
  std::map<std::string, std::string> const expected{
      {"agreement/prefill", "kl- top1+ rank-"},
      {"agreement/generation", "kl- top1+ rank-"},
      {"choices", "acc+ acc_norm+ acc_bytes+"},
      {"exposure", "score+ success+"},
      {"facts", "acc+"},
      {"glue/cola", "acc+ mcc+"},
      {"glue/mrpc", "acc+ f1+"},
      {"glue/qqp", "acc+ f1+"},
      {"glue/sst2", "acc+"},
      {"mmlu", "acc+"},
      {"mmlu/anatomy", "acc+"},
      {"mqar", "recall+"},
      {"needle", "score+ success+"},
      {"perplexity", "word_perplexity- byte_perplexity- bits_per_byte- perplexity-"},
      {"recall", "exact_match+ exact_match_after_first+"},
      {"ruler/vt", "match+"},
      {"nothing", ""}};
  CHECK(found == expected);
}

TEST_CASE("task_kinds: every kind of task says its metrics") {
  for (auto const& kind : task_kinds) {
    CAPTURE(kind.name);
    CHECK_FALSE(metrics_of(kind.name).empty());
  }
}

TEST_CASE("task_kinds: what metrics are, by their definition") {
  CHECK(find_metric(metrics_of("facts"), "acc").values == right_or_wrong);
  CHECK(find_metric(metrics_of("needle"), "success").values == right_or_wrong);
  CHECK(find_metric(metrics_of("needle"), "score").values == at_least(0));
  CHECK(find_metric(metrics_of("perplexity"), "bits_per_byte").total == bits_per("bytes"));
  CHECK(find_metric(metrics_of("perplexity"), "perplexity").total == perplexity_per("tokens"));
  CHECK(find_metric(metrics_of("glue/cola"), "mcc").rows_of == "acc");
  CHECK(find_metric(metrics_of("mmlu"), "acc").split_by == "subject");
  // GLUE's mean counts Matthews' correlation alone on cola, and accuracy and F1 alike on mrpc.
  auto const counted = [](std::string_view task) {
    std::string names;
    for (auto const& one : metrics_of(task))
      if (one.averaged_as == "macro_mean") names += std::string{one.name} + " ";
    return names;
  };
  CHECK(counted("glue/cola") == "mcc ");
  CHECK(counted("glue/mrpc") == "acc f1 ");
  CHECK(counted("glue/qqp") == "acc f1 ");
  CHECK(counted("glue/sst2") == "acc ");
}
