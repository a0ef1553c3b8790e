#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>

namespace headcount::v0::evaluate {

/// Throws headcount::error when it is not known of some text where its answer comes from.
inline void require_sources(std::string_view method, std::span<calibration_text const> texts) {
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (texts[i].source.empty())
      throw error{method, text_of("text ", i, " does not say where its answer stands"), "needles, or items with it"};
}

/// Tokens at which a text's answer stands in its prompt.
[[nodiscard]] inline std::size_t source_tokens(calibration_text const& text) {
  std::size_t count = 0;
  for (auto const range : text.source) count += range.last - range.first + 1;
  return count;
}

/// How much a head attends to where the answer stands while the answer is said, the model being dense.
///
///     score = mean over texts of the mean over the answer's queries of the row's mass on the source, in [0, 1]
///
/// Throws headcount::error when a text has no source. Source: own; the mass that QRHead (Zhang et al. 2025) sums over a
/// document's tokens, without its correction by a null query.
[[nodiscard]] inline head_table needle_attention(any_model const& model, std::span<calibration_text const> texts) {
  require_sources("needle_attention", texts);
  std::vector<head_table> sums(texts.size(), every_head(model.layers(), 0));
  std::vector<double> counts;
  for (auto const& text : texts) counts.push_back(static_cast<double>(text.answer.size()));
  watch_answers(model, texts, dense, [&](std::size_t i) {
    return observer{.row = [&text = texts[i], &sum = sums[i]](site const& where, std::size_t head,
                                                              std::span<float const> row) {
      text.source.for_each_in_row(where.position + 1 - row.size(), row.size(), [&](std::size_t begin, std::size_t end) {
        for (auto key = begin; key < end; ++key) sum[where.layer][head] += static_cast<double>(row[key]);
      });
    }};
  });
  return mean_of(sums, counts);
}

/// What counts when a head copies one token of the source twice.
enum class copies : unsigned char {
  as_set,     ///< a token of the source counts once: the paper's definition, |copied and in source| / |source| <= 1
  as_counted  ///< every step counts, as in the published code; may exceed 1
};

/// The retrieval score: how much of the source a head copies while the answer is said, the model being dense.
///
///     a head copies source token j at a step when j has its row's largest weight and token j is the one that is said
///     score = mean over texts of copies / tokens of the source
///
/// The answer is teacher-forced: greedy decoding, where the model is right. The published code drops texts that the
/// model gets wrong (ROUGE-1 recall up to 50); here every text counts. Of equal weights the first one counts. Throws
/// headcount::error when a text has no source.
/// Source: Wu et al. 2024, "Retrieval Head Mechanistically Explains Long-Context Factuality", arXiv 2404.15574, section
/// 2, and its repository for `as_counted`.
[[nodiscard]] inline head_table retrieval_score(any_model const& model, std::span<calibration_text const> texts,
                                                copies counting = copies::as_set) {
  require_sources("retrieval", texts);
  std::vector<head_table> sums(texts.size(), every_head(model.layers(), 0));
  std::vector<double> counts;
  for (auto const& text : texts) counts.push_back(static_cast<double>(source_tokens(text)));
  watch_answers(model, texts, dense, [&](std::size_t i) {
    using copied = std::set<std::pair<std::pair<std::size_t, std::size_t>, std::size_t>>;
    auto const copy = [&text = texts[i], &sum = sums[i], counting, seen = copied{}](
                          site const& where, std::size_t head, std::span<float const> row) mutable {
      auto const largest = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
      auto const position = where.position + 1 - row.size() + largest;
      bool const inside = std::ranges::any_of(
          text.source, [&](index_range range) { return range.first <= position && position <= range.last; });
      if (!inside || text.prompt[position] != text.answer[where.position + 1 - text.prompt.size()]) return;
      if (counting == copies::as_counted || seen.insert({{where.layer, head}, position}).second)
        sum[where.layer][head] += 1;
    };
    return observer{.row = copy};
  });
  return mean_of(sums, counts);
}

}  // namespace headcount::v0::evaluate
