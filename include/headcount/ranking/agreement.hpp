#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/select/top_k.hpp>

namespace headcount::v0::evaluate {

/// Kendall's tau-b of two lists of scores of the same items: 1 for the same order, -1 for the opposite one, about 0 for
/// orders that have nothing to do with each other.
///
///     tau_b = (concordant - discordant) / sqrt((pairs - tied in a) (pairs - tied in b))
///
/// NaN where all scores of one list are equal, which is no order. O(items^2), no allocation.
/// Throws headcount::error when the lists differ in length. Source: Kendall 1945, "The treatment of ties in ranking
/// problems".
[[nodiscard]] inline double kendall_tau_b(std::span<double const> a, std::span<double const> b) {
  if (a.size() != b.size())
    throw error{"two rankings", text_of("one has ", a.size(), " heads, the other ", b.size()), "the same heads"};
  std::ptrdiff_t agreeing = 0;
  std::size_t ordered_in_a = 0;
  std::size_t ordered_in_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      int const in_a = int{a[i] > a[j]} - int{a[i] < a[j]};
      int const in_b = int{b[i] > b[j]} - int{b[i] < b[j]};
      agreeing += in_a * in_b;
      ordered_in_a += in_a != 0 ? 1 : 0;
      ordered_in_b += in_b != 0 ? 1 : 0;
    }
  }
  return static_cast<double>(agreeing) /
         std::sqrt(static_cast<double>(ordered_in_a) * static_cast<double>(ordered_in_b));
}

/// Throws headcount::error when two rankings are not of the same layers and heads.
inline void require_same_heads(ranking const& a, ranking const& b) {
  bool same = a.scores.size() == b.scores.size();
  for (std::size_t layer = 0; same && layer < a.scores.size(); ++layer)
    same = a.scores[layer].size() == b.scores[layer].size();
  if (!same) throw error{"two rankings", "they rank different heads", "rankings of the same model"};
}

/// Kendall's tau-b of two rankings of a model: the mean over its attention layers, as scores of different layers need
/// not be comparable. NaN where a layer has no order, or no layer has attention.
[[nodiscard]] inline double kendall_tau_b(ranking const& a, ranking const& b) {
  require_same_heads(a, b);
  double sum = 0;
  std::size_t layers = 0;
  for (std::size_t layer = 0; layer < a.scores.size(); ++layer) {
    if (a.scores[layer].empty()) continue;
    sum += kendall_tau_b(std::span{a.scores[layer]}, std::span{b.scores[layer]});
    ++layers;
  }
  return sum / static_cast<double>(layers);
}

/// How much the heads that two rankings keep overlap when each keeps the best k of every layer: the heads that both
/// keep over those that either keeps, in [0, 1]. NaN where neither keeps any.
/// Source: Jaccard 1901; ties go to the lowest head index, as in select::top_k.
[[nodiscard]] inline double jaccard_at(std::size_t k, ranking const& a, ranking const& b) {
  require_same_heads(a, b);
  std::size_t both = 0;
  std::size_t either = 0;
  for (std::size_t layer = 0; layer < a.scores.size(); ++layer) {
    auto const kept_by_a = select::top_k{k}(a.scores[layer]);
    auto const kept_by_b = select::top_k{k}(b.scores[layer]);
    for (std::size_t head = 0; head < a.scores[layer].size(); ++head) {
      both += kept_by_a.contains(head) && kept_by_b.contains(head) ? 1u : 0u;
      either += kept_by_a.contains(head) || kept_by_b.contains(head) ? 1u : 0u;
    }
  }
  return static_cast<double>(both) / static_cast<double>(either);
}

}  // namespace headcount::v0::evaluate
