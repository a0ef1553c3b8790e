#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/measure/ask.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

/// What a task says policies are worth: a policy_measure, so that heads can be ranked by any task.
///
///     worth = mean over prompts of the metric, negated where lower is better
///
/// What the task shares between policies, such as one prefill, is shared. It refers to the model and the task.
class task_measure {
 public:
  /// `metric` is one of the task's, its first when empty. Throws headcount::error when it is none of them.
  task_measure(any_model const& model, task const& asking, std::string_view metric = {})
      : model_{&model}, task_{&asking} {
    std::string known;
    for (auto const& one : asking.metrics) {
      add_to_list(known, one.name);
      if (metric.empty() || one.name == metric) {
        metric_ = one;
        return;
      }
    }
    throw error{text_of("metric ", metric), text_of("task ", asking.name, " does not measure it"), known};
  }

  [[nodiscard]] evaluate::metric const& metric() const noexcept { return metric_; }

  [[nodiscard]] std::vector<double> operator()(std::span<any_policy const> policies) const {
    std::vector<std::size_t> all(task_->prompts.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return on(all, policies);
  }

  /// The same on some of the prompts, given as increasing indices.
  [[nodiscard]] std::vector<double> on(std::span<std::size_t const> which, std::span<any_policy const> policies) const {
    std::vector<double> sums(policies.size()), counts(policies.size());
    work done;
    ask(*model_, *task_, which, policies, done, [&](std::size_t policy, std::size_t, judgement&& one) {
      if (one.metric != metric_.name) return;
      sums[policy] += metric_.better == direction::lower ? -one.value : one.value;
      ++counts[policy];
    });
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i];
    return sums;
  }

 private:
  any_model const* model_;
  task const* task_;
  evaluate::metric metric_{};
};

}  // namespace headcount::v0::evaluate
