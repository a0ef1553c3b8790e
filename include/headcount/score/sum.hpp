#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/fill.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/several.hpp>

namespace headcount::v0::score {

/// Several scorers added up, each with its weight.
///
///     score = sum_i weight_i * scorer_i
///
/// In the scorers' units, which should be one: see `normalised`. Weights are 1 where none are given, and may be
/// negative. A head that one of them scores NaN scores NaN. `sum(normalised(entropy), normalised(l2), weights=2, 1)`.
/// Reads what the scorers read; O(heads) for each beside them, no allocation.
/// Errors: validate throws when there are weights, but not one for each scorer.
/// Source: own.
struct sum {
  static constexpr std::string_view name = "sum";
  static constexpr part_about about{"several scorers added up, each with its weight", "sum_i weight_i scorer_i", "own"};

  std::vector<any_scorer> scorers{};  ///< what is added
  std::vector<double> weights{};      ///< one for each scorer, or none

  static constexpr auto fields = field_list{leading_field("scorers", &sum::scorers, "what is added"),
                                            named_field("weights", &sum::weights, "one for each scorer, or none")};

  [[nodiscard]] reading_set reads() const noexcept { return reads_of_all(scorers); }
  [[nodiscard]] std::size_t state_size() const noexcept { return state_size_of_all(scorers); }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    fill(scores, 0.0);
    for_each_scorer(scorers, where, tensors, scores.size(), [&](std::size_t i, std::span<double const> found) {
      double const weight = weights.empty() ? 1 : weights[i];
      for (std::size_t head = 0; head < scores.size(); ++head) scores[head] += weight * found[head];
    });
  }
};

/// A mistake when there are weights, but not one for each scorer.
[[nodiscard]] inline std::optional<error> find_mistake(sum const& part, site const&) {
  if (!part.weights.empty() && part.weights.size() != part.scorers.size())
    return error{print(part), text_of("it has ", part.weights.size(), " weights for ", part.scorers.size(), " scorers"),
                 "one for each, or none"};
  return std::nullopt;
}

}  // namespace headcount::v0::score
