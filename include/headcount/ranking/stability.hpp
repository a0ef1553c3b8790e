#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/random_stream.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/ranking/agreement.hpp>
#include <headcount/ranking/calibration.hpp>

namespace headcount::v0::evaluate {

/// Kendall's tau-b of two tables of scores, the mean over the layers where both have an order; NaN where none has.
[[nodiscard]] inline double mean_tau_b(head_table const& a, head_table const& b) {
  double sum = 0;
  std::size_t layers = 0;
  for (std::size_t layer = 0; layer < a.size(); ++layer) {
    auto const tau = kendall_tau_b(std::span{a[layer]}, std::span{b[layer]});
    if (std::isnan(tau)) continue;
    sum += tau;
    ++layers;
  }
  return sum / static_cast<double>(layers);
}

/// The probability that two halves agree at least as much, had neither anything to do with the other: one of them is
/// shuffled in each layer, `draws` times. In [1 / (draws + 1), 1]; 1 where there is no order.
/// Source: the usual permutation test; Phipson & Smyth 2010 for the count of the observed order itself.
[[nodiscard]] inline double agreement_by_chance(head_table const& a, head_table b, random_stream random,
                                                std::size_t draws = 999) {
  auto const observed = mean_tau_b(a, b);
  std::size_t as_much = 1;
  for (std::size_t draw = 0; draw < draws; ++draw) {
    for (auto& layer : b) layer = random.shuffled(layer);
    as_much += mean_tau_b(a, b) < observed - 1e-12 ? std::size_t{0} : std::size_t{1};
  }
  return static_cast<double>(as_much) / static_cast<double>(draws + 1);
}

/// How much a ranking depends on the texts that it was calibrated on: two halves of them, every other text, rank by
/// themselves. `score(which)` gives the scores on some of the texts, by their indices. Nothing can be said of fewer
/// than two texts. Costs as much as the ranking itself. Source: split-half reliability, Spearman 1910 and Brown 1910,
/// without their correction for the halved length: the whole ranking agrees with another one a little more.
template <class Score>
[[nodiscard]] std::optional<ranking_stability> stability_of(std::size_t texts, Score const& score, std::uint64_t seed) {
  if (texts < 2) return std::nullopt;
  std::vector<std::size_t> half[2];
  for (std::size_t i = 0; i < texts; ++i) half[i % 2].push_back(i);
  ranking const a{.scores = score(half[0]), .source = {}};
  ranking const b{.scores = score(half[1]), .source = {}};
  ranking_stability found{.texts = texts,
                          .tau = mean_tau_b(a.scores, b.scores),
                          .p = agreement_by_chance(a.scores, b.scores, random_stream{seed})};
  std::size_t heads = (std::numeric_limits<std::size_t>::max)();
  for (auto const& layer : a.scores)
    if (!layer.empty()) heads = (std::min)(heads, layer.size());
  for (auto const k : std::initializer_list<std::size_t>{1, 2, 3, 5})
    if (k < heads) found.overlap.push_back({.k = k, .share = jaccard_at(k, a, b)});
  return found;
}

/// What is to be said against a ranking: that all heads of its layers score the same, or that halves of its texts agree
/// no more than chance would have them (p above 0.05). Empty where nothing is.
[[nodiscard]] inline std::string doubt_of(ranking const& made) {
  bool const equal = std::ranges::all_of(made.scores, [](auto const& layer) {
    return std::ranges::adjacent_find(layer, std::not_equal_to{}) == layer.end();
  });
  if (equal) return "all heads of a layer score the same: whoever keeps the best of them keeps the first ones";
  auto const& stability = made.source.stability;
  if (!stability || stability->p <= 0.05) return {};
  return std::isnan(stability->tau)
             ? "halves of the texts give no order: the scores cannot be told from noise; take more texts"
             : text_of(
                   "halves of the texts agree no more than by chance: the scores cannot be told from noise; take "
                   "more texts");
}

}  // namespace headcount::v0::evaluate
