#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/result/row.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/interval.hpp>

namespace headcount::v0::report {

/// A mean of rows, and how sure it is.
struct estimate {
  double value = 0;                          ///< NaN where no row has a finite value
  std::optional<evaluate::interval> ci95{};  ///< none when a single prompt says nothing of the others
  std::size_t rows = 0;
  std::size_t prompts = 0;     ///< of rows with a finite value
  std::size_t not_finite = 0;  ///< rows that are left out of the mean
};

/// The mean of rows, at least one; rows whose value is not finite are counted and left out. Rows of one prompt are a
/// cluster. Right and wrong answers, a prompt each, get
/// Wilson's interval; anything else the percentile bootstrap over prompts, 1000 replicates with seed 0.
[[nodiscard]] inline estimate estimate_of(std::span<evaluate::row const* const> all) {
  std::vector<double> values;
  std::vector<std::string> prompts;
  double sum = 0;
  for (auto const* one : all) {
    if (!std::isfinite(one->value)) continue;
    values.push_back(one->value);
    prompts.push_back(one->prompt);
    sum += one->value;
  }
  auto const groups = evaluate::cluster_by_name(prompts);
  estimate found{.value = sum / static_cast<double>(values.size()),
                 .rows = all.size(),
                 .prompts = groups.size(),
                 .not_finite = all.size() - values.size()};
  if (values.empty()) return found;
  bool const right_or_wrong = groups.size() == values.size() &&
                              std::ranges::all_of(values, [](double value) { return value == 0 || value == 1; });
  if (right_or_wrong) {
    found.ci95 = evaluate::wilson({.hits = static_cast<std::size_t>(sum), .n = values.size()});
  } else if (groups.size() > 1) {
    found.ci95 = evaluate::bootstrap_mean(groups, values, random_stream{0});
  }
  return found;
}

}  // namespace headcount::v0::report
