#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>

namespace headcount::v0::evaluate {

/// How often a runtime policy keeps a head, the model running under it: what a static policy distilled from it keeps.
///
///     score = mean over texts of (the answer's queries at which the head is kept / the answer's queries), in [0, 1]
///
/// Throws what the engine throws. Source: own.
[[nodiscard]] inline head_table keep_frequency(any_model const& model, std::span<calibration_text const> texts,
                                               any_policy const& policy) {
  std::vector<head_table> sums(texts.size(), every_head(model.layers(), 0));
  std::vector<double> counts;
  for (auto const& text : texts) counts.push_back(static_cast<double>(text.answer.size()));
  watch_answers(model, texts, policy, [&](std::size_t i) {
    return observer{.kept = [&sum = sums[i]](site const& where, head_set const& kept) {
      for (auto const head : kept) sum[where.layer][head] += 1;
    }};
  });
  return mean_of(sums, counts);
}

}  // namespace headcount::v0::evaluate
