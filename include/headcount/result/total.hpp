#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/file/json_number.hpp>
#include <headcount/result/row.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/confusion.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/task/metric.hpp>

namespace headcount::v0::evaluate {

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
  std::size_t n = 0;           ///< prompts
  std::size_t not_finite = 0;  ///< rows whose value is not finite, and then the mean is not either
};

/// A metric of some rows, given by their indices.
using row_figure = std::function<double(std::span<std::size_t const>)>;

/// Their mean.
[[nodiscard]] inline row_figure mean_figure(std::span<row const* const> rows) {
  return [rows](std::span<std::size_t const> some) {
    double sum = 0;
    for (auto const i : some) sum += rows[i]->value;
    return sum / static_cast<double>(some.size());
  };
}

/// What log-likelihoods come to per word, byte or token of all texts together, when the metric is of that kind.
[[nodiscard]] inline row_figure per_unit_figure(std::string_view metric, std::span<row const* const> rows) {
  static std::map<std::string_view, char const*> const units{
      {"word_perplexity", "words"}, {"byte_perplexity", "bytes"}, {"bits_per_byte", "bytes"}, {"perplexity", "tokens"}};
  auto const unit = units.find(metric);
  if (unit == units.end()) return {};
  std::vector<std::pair<double, double>> sums;
  for (auto const* one : rows) {
    if (!one->more.contains("loglik") || !one->more.contains(unit->second)) return {};
    auto const nats = number_from(one->more["loglik"]);
    if (!nats) return {};
    sums.emplace_back(*nats, one->more[unit->second].get<double>());
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
[[nodiscard]] inline row_figure confusion_figure(std::span<row const* const> rows,
                                                 double (confusion::*metric)() const noexcept) {
  std::vector<std::pair<std::size_t, std::size_t>> answers;
  for (auto const* one : rows)
    answers.emplace_back(one->more.at("gold").get<std::size_t>(), one->more.at("predicted").get<std::size_t>());
  return [answers = std::move(answers), metric](std::span<std::size_t const> some) {
    confusion all;
    for (auto const i : some) all.add(answers[i].first, answers[i].second);
    return (all.*metric)();
  };
}

/// Rows of one prompt as clusters.
[[nodiscard]] inline clusters cluster_by_prompt(std::span<row const* const> rows) {
  std::vector<std::string> prompts;
  for (auto const* one : rows) prompts.push_back(one->prompt);
  return cluster_by_name(prompts);
}

/// A figure of rows of one model, task, setting and policy, at least one, as the total of a metric, with a bootstrap
/// interval over prompts, 1000 replicates with seed 1.
[[nodiscard]] inline total make_total(std::span<row const* const> rows, std::string metric, row_figure const& figure) {
  auto const& first = *rows.front();
  auto const prompts = cluster_by_prompt(rows);
  std::vector<std::size_t> all(rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  total made{.model = first.model,
             .policy = first.policy,
             .task = first.task,
             .setting = first.setting,
             .metric = std::move(metric),
             .value = figure(all),
             .n = prompts.size()};
  for (auto const* one : rows) made.not_finite += std::isfinite(one->value) ? 0u : 1u;
  made.range = std::isnan(made.value) ? interval{made.value, made.value}
                                      : clustered_bootstrap(prompts, figure, random_stream{1});
  return made;
}

/// The total of the metric that rows have, at least one: their mean, or what their log-likelihoods come to together.
[[nodiscard]] inline total total_of(std::span<row const* const> rows) {
  auto const& metric = rows.front()->metric;
  auto const per_unit = per_unit_figure(metric, rows);
  auto made = make_total(rows, metric, per_unit ? per_unit : mean_figure(rows));
  auto const is = [](double value) { return [value](row const* one) { return one->value == value; }; };
  auto const hits = static_cast<std::size_t>(std::ranges::count_if(rows, is(1)));
  auto const misses = static_cast<std::size_t>(std::ranges::count_if(rows, is(0)));
  bool const right_or_wrong = hits + misses == rows.size() && !is_better_when_lower(metric);
  if (right_or_wrong && made.n == rows.size()) made.range = wilson({hits, rows.size()});
  return made;
}

}  // namespace headcount::v0::evaluate
