#pragma once

#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/statistics/cluster.hpp>
#include <headcount/statistics/interval.hpp>

namespace headcount::v0::evaluate {

/// What a budget of heads is worth: `values[draw][prompt]`, one draw alone where nothing is calibrated.
struct budget_values {
  std::size_t heads = 0;
  std::vector<std::vector<double>> values{};
};

/// The fewest heads that are enough.
struct fewest_heads {
  std::size_t heads = 0;
  interval ci95{};  ///< for other prompts, and other draws where there are several
};

/// The smallest budget whose mean is at least `part` of the mean of `dense`, the values of all heads; `all`, their
/// number, where no budget's is. Budgets are in increasing order and answer the prompts of `dense`, as many draws each.
///
/// The interval is the percentile bootstrap's over clusters of prompts and over draws, both drawn anew at once, all
/// budgets on the same of them. O(replicates * budgets * draws * prompts).
/// Source: Efron & Tibshirani 1993, chapter 13; for two crossed factors the pigeonhole bootstrap, Owen 2007.
/// Throws headcount::error when budgets are out of order or differ in what they answer, or there is no cluster.
[[nodiscard]] inline fewest_heads fewest_for(double part, std::span<double const> dense,
                                             std::span<budget_values const> budgets, std::size_t all,
                                             clusters const& groups, random_stream random,
                                             std::size_t replicates = 1000) {
  auto const draws = budgets.empty() ? 1 : budgets.front().values.size();
  if (groups.empty()) throw error{"the fewest heads", "there are no prompts", "one or more"};
  for (std::size_t b = 0; b < budgets.size(); ++b) {
    if (b > 0 && budgets[b].heads <= budgets[b - 1].heads)
      throw error{"the fewest heads", text_of(budgets[b].heads, " comes after ", budgets[b - 1].heads),
                  "budgets in increasing order"};
    bool fits = budgets[b].values.size() == draws && draws > 0;
    for (auto const& draw : budgets[b].values) fits = fits && draw.size() == dense.size();
    if (!fits) throw error{"the fewest heads", "budgets differ in draws or prompts", "the same for all"};
  }
  auto const smallest = [&](std::span<std::size_t const> of_groups, std::span<std::size_t const> of_draws) {
    auto const sum = [&](std::span<double const> values) {
      double total = 0;
      for (auto const group : of_groups)
        for (auto const i : groups[group]) total += values[i];
      return total;
    };
    auto const enough = part * sum(dense);
    for (auto const& [heads, values] : budgets) {
      double total = 0;
      for (auto const draw : of_draws) total += sum(values[draw]);
      if (total / static_cast<double>(draws) >= enough) return heads;
    }
    return all;
  };
  std::vector<std::size_t> of_groups(groups.size());
  std::vector<std::size_t> of_draws(draws);
  std::iota(of_groups.begin(), of_groups.end(), std::size_t{0});
  std::iota(of_draws.begin(), of_draws.end(), std::size_t{0});
  fewest_heads found{.heads = smallest(of_groups, of_draws)};
  std::vector<double> sample;
  for (std::size_t i = 0; i < replicates; ++i) {
    for (auto& group : of_groups) group = random.below(groups.size());
    if (draws > 1)
      for (auto& draw : of_draws) draw = random.below(draws);
    sample.push_back(static_cast<double>(smallest(of_groups, of_draws)));
  }
  found.ci95 = percentile_interval(sample);
  return found;
}

}  // namespace headcount::v0::evaluate
