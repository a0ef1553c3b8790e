#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/source_attention.hpp>

namespace headcount::v0::evaluate {

/// Attention of every head from `count` tokens at `first` to each token before them, `[layer][head][token]`: the mean
/// over those queries, the model being dense and the text one prefill pass.
[[nodiscard]] inline std::vector<std::vector<std::vector<double>>> mean_attention(any_model const& model,
                                                                                  std::span<token const> text,
                                                                                  std::size_t first,
                                                                                  std::size_t count) {
  std::vector<std::vector<std::vector<double>>> mean;
  for (auto const& layer : every_head(model.layers(), 0)) mean.emplace_back(layer.size(), std::vector<double>(first));
  observer const watcher{.row = [&](site const& where, std::size_t head, std::span<float const> row) {
    if (where.position < first || where.position >= first + count) return;
    auto const begin = where.position + 1 - row.size();
    for (std::size_t key = begin; key < first; ++key)
      mean[where.layer][head][key] += static_cast<double>(row[key - begin]) / static_cast<double>(count);
  }};
  auto state = model.start();
  step<any_model::state> const step{.tokens = text, .state = &state};
  model.run(std::span{&step, 1}, {.phase = phase::prefill}, dense, [](auto&&...) {}, watcher);
  return mean;
}

/// How much a head attends from the question to where the answer stands, beyond what a question about nothing does.
///
///     c_j = mean over the question's tokens of a_j - mean over the null question's tokens of a'_j
///     score = mean over texts of the sum over the source's tokens j with c_j > mean(c) - 2 sd(c) of c_j
///
/// Mean and sample standard deviation are over the source, so that outliers of its tokens do not count. A text is its
/// prompt up to the question's end. Throws headcount::error when a text does not say where its answer and its question
/// stand, in that order, or has no null question.
/// Source: Zhang et al. 2025, "Query-Focused Retrieval Heads", arXiv 2506.09944, section 3, and its repository for the
/// threshold.
[[nodiscard]] inline head_table qr_head_score(any_model const& model, std::span<calibration_text const> texts) {
  require_sources("qr_head", texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto const& text = texts[i];
    auto const one_range = text.query.begin() != text.query.end() && text.query.begin() + 1 == text.query.end();
    if (!one_range || text.null_query.empty() || (text.source.end() - 1)->last >= text.query.begin()->first)
      throw error{"qr_head", text_of("text ", i, " does not say where its question stands, after its source"),
                  "needles, or items with \"query\" and \"null_query\""};
  }
  std::vector<head_table> sums(texts.size(), every_head(model.layers(), 0));
  for_each_index(model, texts.size(), [&](std::size_t i) {
    auto const& text = texts[i];
    auto const [first, last] = *text.query.begin();
    auto const end = text.prompt.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<token> without{text.prompt.begin(), end};
    without.insert(without.end(), text.null_query.begin(), text.null_query.end());
    auto const asked = mean_attention(model, std::span{text.prompt}.first(last + 1), first, last + 1 - first);
    auto const null = mean_attention(model, without, first, text.null_query.size());
    for (std::size_t layer = 0; layer < asked.size(); ++layer)
      for (std::size_t head = 0; head < asked[layer].size(); ++head) {
        std::vector<double> beyond;
        for (auto const range : text.source)
          for (auto at = range.first; at <= range.last; ++at)
            beyond.push_back(asked[layer][head][at] - null[layer][head][at]);
        auto const count = static_cast<double>(beyond.size());
        double mean = 0;
        for (auto const c : beyond) mean += c / count;
        double squares = 0;
        for (auto const c : beyond) squares += (c - mean) * (c - mean);
        auto const deviation = beyond.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
        for (auto const c : beyond)
          if (c > mean - 2 * deviation || beyond.size() == 1) sums[i][layer][head] += c;
      }
  });
  return mean_of(sums, std::vector<double>(texts.size(), 1));
}

}  // namespace headcount::v0::evaluate
