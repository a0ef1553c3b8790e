#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <headcount/evaluate/run/row.hpp>
#include <headcount/evaluate/statistics/cluster.hpp>
#include <headcount/evaluate/statistics/interval.hpp>
#include <headcount/evaluate/task/random_stream.hpp>

namespace headcount::inline v0::report {

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
  std::vector<evaluate::row const*> rows;
  std::vector<std::string> prompts;
  double sum = 0;
  for (auto const* one : all) {
    if (!std::isfinite(one->value)) continue;
    rows.push_back(one);
    prompts.push_back(one->prompt);
    sum += one->value;
  }
  auto const groups = evaluate::cluster_by_name(prompts);
  estimate found{.value = sum / static_cast<double>(rows.size()),
                 .rows = all.size(),
                 .prompts = groups.size(),
                 .not_finite = all.size() - rows.size()};
  if (rows.empty()) return found;
  bool const right_or_wrong = groups.size() == rows.size() && std::ranges::all_of(rows, [](auto const* one) {
                                return one->value == 0 || one->value == 1;
                              });
  if (right_or_wrong) {
    found.ci95 = evaluate::wilson({.hits = static_cast<std::size_t>(sum), .n = rows.size()});
  } else if (groups.size() > 1) {
    auto const mean = [&](std::span<std::size_t const> drawn) {
      double of_drawn = 0;
      for (auto const i : drawn) of_drawn += rows[i]->value;
      return of_drawn / static_cast<double>(drawn.size());
    };
    found.ci95 = evaluate::clustered_bootstrap(groups, mean, evaluate::random_stream{0});
  }
  return found;
}

}  // namespace headcount::inline v0::report
