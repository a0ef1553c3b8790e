#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/select/threshold.hpp>

namespace headcount::v0::evaluate {

/// The best n heads of a whole model, whatever layer they are in: a ranking that scores them 1 and all others 0, so
/// that `fixed(...) | threshold(0.5)` keeps them. Of equal scores the lowest layer and head comes first; all heads when
/// there are no more than n. It makes sense where scores of different layers compare. O(heads log heads).
[[nodiscard]] inline ranking best_of_model(ranking const& of, std::size_t n) {
  std::vector<std::pair<std::size_t, std::size_t>> heads;
  for (std::size_t layer = 0; layer < of.scores.size(); ++layer)
    for (std::size_t head = 0; head < of.scores[layer].size(); ++head) heads.emplace_back(layer, head);
  std::ranges::sort(heads, [&](auto const& a, auto const& b) {
    auto const score_of_a = of.scores[a.first][a.second];
    auto const score_of_b = of.scores[b.first][b.second];
    return score_of_a != score_of_b ? score_of_a > score_of_b : a < b;
  });
  auto best = of;
  for (auto& layer : best.scores) std::ranges::fill(layer, 0.0);
  heads.resize((std::min)(n, heads.size()));
  for (auto const& [layer, head] : heads) best.scores[layer][head] = 1;
  return best;
}

/// Keeps these heads and no others in generation: those whose entry is above 0. Its sentence names them.
[[nodiscard]] inline any_policy keep_named_heads(std::vector<std::vector<double>> kept) {
  std::string name;
  for (std::size_t layer = 0; layer < kept.size(); ++layer) {
    head_set of_layer;
    for (std::size_t head = 0; head < kept[layer].size(); ++head) {
      kept[layer][head] = kept[layer][head] > 0 ? 1 : 0;
      if (kept[layer][head] > 0) of_layer.insert(head);
    }
    if (!kept[layer].empty()) name += text_of(name.empty() ? "heads " : "; ", layer, ": ", print(of_layer));
  }
  any_policy const policy =
      score::fixed{in_memory(name, ranking{.scores = std::move(kept), .source = {}})} | select::threshold{0.5};
  return policy.during(phase::generation);
}

}  // namespace headcount::v0::evaluate
