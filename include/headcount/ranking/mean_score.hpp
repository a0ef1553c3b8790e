#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/select/fixed.hpp>

namespace headcount::v0::evaluate {

/// What a runtime scorer makes of a head on average, the model being dense.
///
///     score = mean over texts of the mean over the answer's queries of scorer(head)
///
/// In the scorer's unit. A scorer that looks back remembers the answer's queries alone. Throws headcount::error when
/// the scorer does not fit the model. Source: own; the calibrated form of any runtime scorer.
[[nodiscard]] inline head_table mean_scores(any_model const& model, std::span<calibration_text const> texts,
                                            any_scorer const& scorer) {
  auto const asks = any_policy{scorer, select::every_head{}}.during(phase::generation);
  validate(asks, model.layers());
  std::vector<head_table> sums(texts.size(), every_head(model.layers(), 0));
  std::vector<double> counts;
  for (auto const& text : texts) counts.push_back(static_cast<double>(text.answer.size()));
  watch_answers(model, texts, asks, [&](std::size_t i) {
    return observer{.scored = [&sum = sums[i]](site const& where, std::span<double const> scores) {
      for (std::size_t head = 0; head < where.heads; ++head) sum[where.layer][head] += scores[head];
    }};
  });
  return mean_of(sums, counts);
}

}  // namespace headcount::v0::evaluate
