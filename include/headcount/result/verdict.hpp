#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <headcount/reference/parallel.hpp>
#include <headcount/result/pairing.hpp>
#include <headcount/statistics/comparison.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/statistics/paired.hpp>

namespace headcount::v0::evaluate {

/// The chance of a false alarm among all comparisons that are judged together.
inline constexpr double verdict_level = 0.05;

/// Two policies' comparison on one metric, and what may be said of it beside the others.
struct verdict {
  paired_values values;
  comparison found;
  double corrected = 1;  ///< p after Holm's correction

  /// Whether a difference is shown. Not where the leader has values that are not finite: they were left out.
  [[nodiscard]] bool is_sure() const noexcept {
    return corrected <= verdict_level && (a_leads() ? values.not_finite_a : values.not_finite_b) == 0;
  }
  /// Whether it is known which way the metric is better; if not, nobody is called better.
  [[nodiscard]] bool has_direction() const noexcept { return values.of.better != direction::unknown; }
  /// Whether policy a did better, sure or not; where nobody knows what is better, whether its total is higher.
  [[nodiscard]] bool a_leads() const noexcept {
    return (found.difference > 0) != (values.of.better == direction::lower);
  }
};

/// Compares each of these pairs and corrects for their number; the smallest detectable differences are at that level,
/// too. `seed` is that of bootstrap and permutations. On several threads.
[[nodiscard]] inline std::vector<verdict> judge(std::vector<paired_values> paired, std::uint64_t seed = 0) {
  comparison_plan plan{.seed = seed};
  plan.design.level = verdict_level / static_cast<double>(paired.size());
  std::vector<verdict> verdicts(paired.size());
  std::vector<double> p(paired.size());
  reference::for_each_index(paired.size(), [&](std::size_t i) {
    verdicts[i].found = compare(paired[i], plan);
    verdicts[i].values = std::move(paired[i]);
    p[i] = verdicts[i].found.p;
  });
  auto const corrected = holm(p);
  for (std::size_t i = 0; i < verdicts.size(); ++i) verdicts[i].corrected = corrected[i];
  return verdicts;
}

}  // namespace headcount::v0::evaluate
