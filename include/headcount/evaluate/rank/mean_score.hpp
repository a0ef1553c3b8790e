#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/evaluate/rank/calibration.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/memory.hpp>

namespace headcount::inline v0::evaluate {

/// What a runtime scorer makes of a head on average, the model being dense.
///
///     score = mean over texts of the mean over the answer's queries of scorer(row)
///
/// In the scorer's unit. A scorer that looks back remembers the answer's queries alone. Throws headcount::error when
/// the scorer reads more than rows, or does not fit the model. Source: own; the calibrated form of any runtime scorer.
[[nodiscard]] inline head_table mean_scores(reference::model const& model, std::span<calibration_text const> texts,
                                            any_scorer const& scorer) {
  for (auto const absent : {reading::input, reading::query, reading::output, reading::contribution})
    if (scorer.needs().contains(absent))
      throw error{"mean(" + print(scorer) + ")", text_of("its scorer reads ", word_of(absent)),
                  "scorers that read attention rows or nothing"};
  reference::validate(any_policy{scorer, select::every_head{}}, model);
  std::vector<head_table> sums(texts.size(), every_head(model, 0));
  std::vector<double> counts;
  for (auto const& text : texts) counts.push_back(static_cast<double>(text.answer.size()));
  watch_answers(model, texts, dense, [&](std::size_t i) {
    auto const rows = std::make_shared<std::vector<std::vector<float>>>();  // of the heads of one site
    auto const memory = std::make_shared<score_memory>();
    return attention_watcher{
        [rows](site const& where, std::size_t head, std::span<float const> row) {
          rows->resize(where.heads);
          (*rows)[head].assign(row.begin(), row.end());
        },
        [rows, memory, &scorer, &sum = sums[i]](site const& where, head_set const&) {
          auto const row_of = [&](std::size_t head) { return std::span<float const>{(*rows)[head]}; };
          head_evidence const known{.rows = row_of, .memory = memory->of(where.layer, scorer.slots(), where.heads)};
          head_scores room;
          auto const scores = score_heads(scorer, where, known, room);
          for (std::size_t head = 0; head < where.heads; ++head) sum[where.layer][head] += scores[head];
        }};
  });
  return mean_of(model, sums, counts);
}

}  // namespace headcount::inline v0::evaluate
