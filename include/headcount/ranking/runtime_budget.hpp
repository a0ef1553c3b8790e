#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/select/threshold.hpp>

namespace headcount::v0::evaluate {

/// The scores that all heads of a model get at the queries of texts' answers.
struct answer_scores {
  std::vector<double> sorted{};  ///< the highest first; NaN, which no threshold keeps, last
  std::size_t queries = 0;
  std::size_t heads = 0;  ///< of the model

  /// See threshold_of_budget.
  [[nodiscard]] double threshold(std::size_t n) const {
    if (n == 0 || n > heads) throw error{"budget", text_of(n, " heads of the model"), text_of("1 to ", heads)};
    return sorted[n * queries - 1];
  }
};

/// Runs a dense model over texts, one or more, and scores heads as it answers. Throws what the engine throws.
[[nodiscard]] inline answer_scores scores_of_answers(any_model const& model, std::span<calibration_text const> texts,
                                                     any_scorer const& scorer) {
  any_policy const keeps_all{scorer, select::threshold{std::numeric_limits<double>::lowest()}};
  std::vector<std::vector<double>> of_texts(texts.size());
  watch_answers(model, texts, keeps_all, [&](std::size_t i) {
    return observer{.scored = [&all = of_texts[i]](site const& where, std::span<double const> scores) {
      if (where.phase == phase::generation) all.insert(all.end(), scores.begin(), scores.end());
    }};
  });
  answer_scores made{.heads = heads_of(model.layers()).size()};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    made.sorted.insert(made.sorted.end(), of_texts[i].begin(), of_texts[i].end());
    made.queries += texts[i].answer.size();
  }
  std::ranges::replace_if(
      made.sorted, [](double score) { return score != score; }, std::numeric_limits<double>::lowest());
  std::ranges::sort(made.sorted, std::ranges::greater{});
  return made;
}

/// The threshold at which a runtime scorer keeps n heads of the whole model at a token, on average: a global budget for
/// heads that are chosen at run time.
///
///     threshold = the (n T)-th highest of the scores that all heads get at the T queries of the texts' answers
///
/// A layer decides before later layers have scores, so the best n heads of one token cannot be had; a fixed threshold
/// can, lets easy tokens take fewer heads and hard ones more, and moves heads to the layers that need them. Scores must
/// compare over layers and lengths, e.g. entropy(normalised=true). The model is dense while it is calibrated; under the
/// policy itself, later layers see other inputs and may keep another number.
///
/// With ties, more are kept. Throws headcount::error when n is 0 or above the model's heads, and what the engine
/// throws. Source: own.
[[nodiscard]] inline double threshold_of_budget(any_model const& model, std::span<calibration_text const> texts,
                                                any_scorer const& scorer, std::size_t n) {
  return scores_of_answers(model, texts, scorer).threshold(n);
}

}  // namespace headcount::v0::evaluate
