#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/total.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/confusion.hpp>
#include <headcount/statistics/strata.hpp>

namespace headcount::v0::evaluate {

/// The figure that GLUE goes by on one of its data sets, of rows of "acc": Matthews' correlation on cola, the mean of
/// accuracy and F1 on mrpc and qqp, accuracy on the others.
/// Source: Wang et al. 2018, arXiv 1804.07461, section 3.
[[nodiscard]] inline row_figure glue_figure(std::string_view task, std::span<row const* const> rows) {
  if (task == "glue/cola") return confusion_figure(rows, &confusion::matthews);
  auto acc = mean_figure(rows);
  if (task != "glue/mrpc" && task != "glue/qqp") return acc;
  return [acc, f1 = confusion_figure(rows, &confusion::f1)](std::span<std::size_t const> some) {
    return (acc(some) + f1(some)) / 2;
  };
}

/// The macro mean of GLUE, metric "macro_mean" of task "glue": the mean of glue_figure over data sets, each counting
/// alike. The interval is of a bootstrap over prompts within each data set, 1000 replicates with seed 1. `sets` are
/// rows of "acc" of one model, setting and policy, a list a data set.
/// Source: Wang et al. 2018, arXiv 1804.07461, section 3, where all nine data sets count; here those that were asked
/// do.
[[nodiscard]] inline total glue_mean(std::span<std::vector<row const*> const> sets) {
  auto const& first = *sets.front().front();
  total made{
      .model = first.model, .policy = first.policy, .task = "glue", .setting = first.setting, .metric = "macro_mean"};
  std::vector<clusters> strata;
  std::vector<row_figure> figures;
  for (auto const& rows : sets) {
    figures.push_back(glue_figure(rows.front()->task, rows));
    strata.push_back(cluster_by_prompt(rows));
    std::vector<std::size_t> all(rows.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    made.value += figures.back()(all) / static_cast<double>(sets.size());
    made.n += strata.back().size();
  }
  made.range = stratified_bootstrap(
      strata, [&](std::size_t set, std::span<std::size_t const> drawn) { return figures[set](drawn); },
      random_stream{1});
  return made;
}

/// Totals of MMLU's subjects, tasks "mmlu/SUBJECT", in the order of their first rows: a prompt is SUBJECT/INDEX. The
/// total of all rows is their mean weighted by their sizes.
[[nodiscard]] inline std::vector<total> totals_of_subjects(std::span<row const* const> rows) {
  std::vector<std::pair<std::string, std::vector<row const*>>> subjects;
  for (auto const* one : rows) {
    auto const name = one->prompt.substr(0, one->prompt.rfind('/'));
    auto found = std::ranges::find(subjects, name, [](auto const& subject) -> auto const& { return subject.first; });
    if (found == subjects.end()) found = subjects.insert(subjects.end(), {name, {}});
    found->second.push_back(one);
  }
  std::vector<total> totals;
  for (auto const& [name, of_subject] : subjects) {
    totals.push_back(total_of(of_subject));
    totals.back().task = "mmlu/" + name;
  }
  return totals;
}

/// Rows as totals: one for each model, task, setting, metric and policy, in the order of their first rows. Most are
/// means. Perplexities come from sums over all texts; glue/cola has Matthews' correlation ("mcc") and glue/mrpc and
/// glue/qqp have "f1" beside "acc", as lm-evaluation-harness reports them. MMLU has one for each of several subjects
/// after that of all; the macro mean of several data sets of GLUE comes at the end.
[[nodiscard]] inline std::vector<total> summarise(std::span<row const> rows) {
  using key = std::tuple<std::string_view, std::string_view, std::string_view, std::string_view, std::string_view>;
  std::map<key, std::size_t> index_of;
  std::vector<std::vector<row const*>> groups;
  for (auto const& one : rows) {
    auto const [at, is_new] =
        index_of.try_emplace({one.model, one.task, one.setting, one.metric, one.policy}, groups.size());
    if (is_new) groups.emplace_back();
    groups[at->second].push_back(&one);
  }
  std::vector<total> totals;
  std::vector<std::vector<std::vector<row const*>>> glue;  // data sets of a model, setting and policy
  for (auto const& group : groups) {
    auto const& first = *group.front();
    totals.push_back(total_of(group));
    if (first.metric != "acc") continue;
    if (first.task == "mmlu") {
      auto subjects = totals_of_subjects(group);
      if (subjects.size() > 1) totals.insert(totals.end(), subjects.begin(), subjects.end());
    }
    if (!first.task.starts_with("glue/")) continue;
    if (first.task == "glue/cola")
      totals.push_back(make_total(group, "mcc", confusion_figure(group, &confusion::matthews)));
    if (first.task == "glue/mrpc" || first.task == "glue/qqp")
      totals.push_back(make_total(group, "f1", confusion_figure(group, &confusion::f1)));
    auto const is_of_same = [&](auto const& sets) {
      auto const& other = *sets.front().front();
      return other.model == first.model && other.setting == first.setting && other.policy == first.policy;
    };
    auto found = std::ranges::find_if(glue, is_of_same);
    if (found == glue.end()) found = glue.emplace(glue.end());
    found->push_back(group);
  }
  for (auto const& sets : glue)
    if (sets.size() > 1) totals.push_back(glue_mean(sets));
  return totals;
}

}  // namespace headcount::v0::evaluate
