#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/evaluate/rank/calibration.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/score/any_scorer.hpp>

namespace headcount::inline v0::evaluate {

/// What a runtime scorer makes of a head on average, the model being dense.
///
///     score = mean over texts of the mean over the answer's queries of scorer(row)
///
/// In the scorer's unit. Throws headcount::error when the scorer reads queries or outputs, or does not fit the model.
/// Source: own; the calibrated form of any runtime scorer.
[[nodiscard]] inline head_table mean_scores(reference::model const& model, std::span<calibration_text const> texts,
                                            any_scorer const& scorer) {
  if (scorer.reads() != reading::row && scorer.reads() != reading::nothing)
    throw error{"mean(" + print(scorer) + ")", "its scorer reads queries or outputs",
                "scorers that read attention rows or nothing"};
  reference::validate(any_policy{scorer, select::every_head{}}, model);
  std::vector<head_table> sums(texts.size(), every_head(model, 0));
  std::vector<double> counts;
  for (auto const& text : texts) counts.push_back(static_cast<double>(text.answer.size()));
  watch_answers(model, texts, dense, [&](std::size_t i) {
    return attention_watcher{
        [&scorer, &sum = sums[i]](site const& where, std::size_t head, std::span<float const> row) {
          sum[where.layer][head] += scorer.reads() == reading::nothing ? scorer(where, head) : scorer(row_view{row});
        },
        [](site const&, head_set const&) {}};
  });
  return mean_of(model, sums, counts);
}

}  // namespace headcount::inline v0::evaluate
