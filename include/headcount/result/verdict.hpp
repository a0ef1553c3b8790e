#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <headcount/reference/parallel.hpp>
#include <headcount/result/pairing.hpp>
#include <headcount/statistics/comparison.hpp>
#include <headcount/statistics/equivalence.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/statistics/paired.hpp>

namespace headcount::v0::evaluate {

/// The chance of a false alarm among all comparisons that are judged together.
inline constexpr double verdict_level = 0.05;

/// Whether either policy is shown to be worse than the other by less than a margin, in the metric's unit.
struct margin_test {
  double margin = 0;
  double p_a = 1;  ///< of "a is not worse than b by the margin", after Holm's correction
  double p_b = 1;  ///< of "b is not worse than a by the margin"
};

/// Two policies' comparison on one metric, and what may be said of it beside the others.
struct verdict {
  paired_values values;
  comparison found;
  double corrected = 1;  ///< p after Holm's correction
  std::optional<margin_test> within{};

  /// Whether a difference is shown. Not where the leader has values that are not finite: they were left out.
  [[nodiscard]] bool is_sure() const noexcept {
    return corrected <= verdict_level && (a_leads() ? values.not_finite_a : values.not_finite_b) == 0;
  }
  /// Whether a is shown not to be worse than b by the margin; as for is_sure, not where it has values left out.
  [[nodiscard]] bool a_is_not_worse() const noexcept {
    return within && within->p_a <= verdict_level && values.not_finite_a == 0;
  }
  [[nodiscard]] bool b_is_not_worse() const noexcept {
    return within && within->p_b <= verdict_level && values.not_finite_b == 0;
  }
  /// Whether it is known which way the metric is better; if not, nobody is called better.
  [[nodiscard]] bool has_direction() const noexcept { return values.of.better != direction::unknown; }
  /// Whether policy a did better, sure or not; where nobody knows what is better, whether its total is higher.
  [[nodiscard]] bool a_leads() const noexcept {
    return (found.difference > 0) != (values.of.better == direction::lower);
  }
};

/// Compares each of these pairs and corrects for their number; the smallest detectable differences are at that level,
/// too. Where there is a margin, the tests of neither being worse by it are each corrected for as many. `seed` is that
/// of permutations. On several threads.
[[nodiscard]] inline std::vector<verdict> judge(std::vector<paired_values> paired, std::uint64_t seed = 0,
                                                std::optional<double> margin = {}) {
  comparison_plan plan{.seed = seed};
  plan.design.level = verdict_level / static_cast<double>(paired.size());
  std::vector<verdict> verdicts(paired.size());
  std::vector<double> p(paired.size());
  auto p_a = p;
  auto p_b = p;
  reference::for_each_index(paired.size(), [&](std::size_t i) {
    auto& one = verdicts[i];
    one.found = compare(paired[i], plan);
    one.values = std::move(paired[i]);
    p[i] = one.found.p;
    if (!margin || one.values.sample.a.empty()) {
      p_a[i] = p_b[i] = 1;
      return;
    }
    p_a[i] = p_of_difference_above(one.values.sample, -*margin);
    p_b[i] = p_of_difference_below(one.values.sample, *margin);
    if (one.values.of.better == direction::lower) std::swap(p_a[i], p_b[i]);
  });
  p = holm(p);
  p_a = holm(p_a);
  p_b = holm(p_b);
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    verdicts[i].corrected = p[i];
    if (margin) verdicts[i].within = {*margin, p_a[i], p_b[i]};
  }
  return verdicts;
}

}  // namespace headcount::v0::evaluate
