#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <numbers>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <headcount/evaluate/run/metric.hpp>
#include <headcount/evaluate/run/row.hpp>
#include <headcount/evaluate/statistics/cluster.hpp>
#include <headcount/evaluate/statistics/confusion.hpp>
#include <headcount/evaluate/statistics/interval.hpp>
#include <headcount/evaluate/task/random_stream.hpp>

namespace headcount::inline v0::evaluate {

/// A metric over all prompts of a task under a policy.
struct total {
  std::string model{};
  std::string policy{};
  std::string task{};
  std::string setting{};
  std::string metric{};
  double value = 0;
  interval
      range{};  ///< 95%: Wilson's where values are right or wrong, a row a prompt; otherwise bootstrap over prompts
  std::size_t n = 0;  ///< prompts
};

namespace detail {

/// A metric of some of the rows, given by their indices.
using figure = std::function<double(std::span<std::size_t const>)>;

inline figure mean_figure(std::span<row const* const> rows) {
  return [rows](std::span<std::size_t const> some) {
    double sum = 0;
    for (auto const i : some) sum += rows[i]->value;
    return sum / static_cast<double>(some.size());
  };
}

/// What log-likelihoods come to per word, byte or token of all texts together, when the metric is of that kind.
inline figure per_unit_figure(std::string_view metric, std::span<row const* const> rows) {
  static std::map<std::string_view, char const*> const units{
      {"word_perplexity", "words"}, {"byte_perplexity", "bytes"}, {"bits_per_byte", "bytes"}, {"perplexity", "tokens"}};
  auto const unit = units.find(metric);
  if (unit == units.end()) return {};
  std::vector<std::pair<double, double>> sums;
  for (auto const* one : rows) {
    if (!one->more.contains("loglik") || !one->more.contains(unit->second)) return {};
    sums.emplace_back(one->more["loglik"].get<double>(), one->more[unit->second].get<double>());
  }
  return [sums = std::move(sums), bits = metric == "bits_per_byte"](std::span<std::size_t const> some) {
    double nats = 0;
    double count = 0;
    for (auto const i : some) {
      nats += sums[i].first;
      count += sums[i].second;
    }
    return bits ? -nats / (count * std::numbers::ln2) : std::exp(-nats / count);
  };
}

/// F1 or Matthews' correlation of rows that say what was predicted.
inline figure confusion_figure(std::span<row const* const> rows, double (confusion::*metric)() const noexcept) {
  std::vector<std::pair<std::size_t, std::size_t>> answers;
  for (auto const* one : rows)
    answers.emplace_back(one->more.at("gold").get<std::size_t>(), one->more.at("predicted").get<std::size_t>());
  return [answers = std::move(answers), metric](std::span<std::size_t const> some) {
    confusion all;
    for (auto const i : some) all.add(answers[i].first, answers[i].second);
    return (all.*metric)();
  };
}

}  // namespace detail

/// Rows as totals: one for each model, task, setting, metric and policy, in the order of their first rows. Most are
/// means. Perplexities come from sums over all texts; glue/cola has Matthews' correlation ("mcc") and glue/mrpc and
/// glue/qqp have "f1" beside "acc", as lm-evaluation-harness reports them.
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
  for (auto const& group : groups) {
    auto const& first = *group.front();
    std::vector<std::string> prompts;
    std::vector<std::size_t> all;
    for (auto const* one : group) {
      all.push_back(all.size());
      prompts.push_back(one->prompt);
    }
    auto const of_prompts = cluster_by_name(prompts);
    auto const make = [&](std::string metric, detail::figure const& figure) {
      return total{.model = first.model,
                   .policy = first.policy,
                   .task = first.task,
                   .setting = first.setting,
                   .metric = std::move(metric),
                   .value = figure(all),
                   .range = clustered_bootstrap(of_prompts, figure, random_stream{1}),
                   .n = of_prompts.size()};
    };
    auto const per_unit = detail::per_unit_figure(first.metric, group);
    totals.push_back(make(first.metric, per_unit ? per_unit : detail::mean_figure(group)));
    auto const is = [](double value) { return [value](row const* one) { return one->value == value; }; };
    auto const hits = static_cast<std::size_t>(std::ranges::count_if(group, is(1)));
    auto const misses = static_cast<std::size_t>(std::ranges::count_if(group, is(0)));
    bool const right_or_wrong = hits + misses == group.size() && !is_better_when_lower(first.metric);
    if (right_or_wrong && of_prompts.size() == group.size()) totals.back().range = wilson({hits, group.size()});
    if (first.metric != "acc") continue;
    if (first.task == "glue/cola") totals.push_back(make("mcc", detail::confusion_figure(group, &confusion::matthews)));
    if (first.task == "glue/mrpc" || first.task == "glue/qqp")
      totals.push_back(make("f1", detail::confusion_figure(group, &confusion::f1)));
  }
  return totals;
}

}  // namespace headcount::inline v0::evaluate
