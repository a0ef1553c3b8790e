#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <headcount/core/fill.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/several.hpp>

namespace headcount::v0::score {

/// Several scorers multiplied, for scores that are 0 or more: a head must do well by each.
///
///     score = product_i scorer_i
///
/// In the product of the scorers' units. Scores below 0, such as entropy's, turn the order round; a head that one of
/// them scores NaN scores NaN. `product(distant_mass, output_norm)`.
/// Reads what the scorers read; O(heads) for each beside them, no allocation.
/// Source: own.
struct product {
  static constexpr std::string_view name = "product";
  static constexpr part_about about{"several scorers multiplied", "product_i scorer_i", "own"};

  std::vector<any_scorer> scorers{};  ///< what is multiplied

  static constexpr auto fields = field_list{leading_field("scorers", &product::scorers, "what is multiplied")};

  [[nodiscard]] reading_set reads() const noexcept { return reads_of_all(scorers); }
  [[nodiscard]] std::size_t state_size() const noexcept { return state_size_of_all(scorers); }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    fill(scores, 1.0);
    for_each_scorer(scorers, where, tensors, scores.size(), [&](std::size_t, std::span<double const> found) {
      for (std::size_t head = 0; head < scores.size(); ++head) scores[head] *= found[head];
    });
  }
};

}  // namespace headcount::v0::score
