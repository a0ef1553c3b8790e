#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/select/threshold.hpp>

namespace headcount::v0::evaluate {

/// What policies are worth, one number each, the higher the better: a task, or anything else that can be asked.
template <class Measure>
concept policy_measure =
    std::invocable<Measure const&, std::span<any_policy const>> &&
    std::convertible_to<std::invoke_result_t<Measure const&, std::span<any_policy const>>, std::vector<double>>;

/// Keeps exactly the heads whose entry is above 0 in a phase, or in both.
[[nodiscard]] inline any_policy keep_heads(head_table kept, std::optional<phase> during = phase::generation) {
  for (auto& layer : kept)
    for (auto& head : layer) head = head > 0 ? 1 : 0;
  any_policy policy =
      score::fixed{in_memory("heads", ranking{.scores = std::move(kept), .source = {}})} | select::threshold{0.5};
  return during ? policy.during(*during) : policy;
}

/// The answers' log-likelihood as a measure of policies that act on generation. Prompts are read once, dense, when it
/// is made, and every call continues copies of their states with the answers, teacher-forced: O(texts) states of
/// memory. The texts must outlive it.
class answer_loglik {
 public:
  /// Throws what the engine throws.
  answer_loglik(any_model model, std::span<calibration_text const> texts)
      : model_{std::move(model)}, texts_{texts}, read_(texts.size(), model_.start()) {
    for_each_index(model_, texts.size(), [&](std::size_t i) {
      step<any_model::state> const before{
          .tokens = std::span{texts[i].prompt}.first(texts[i].prompt.size() - 1), .state = &read_[i], .sequence_id = i};
      if (!before.tokens.empty()) model_.run(std::span{&before, 1}, {.phase = phase::prefill}, dense, [](auto&&...) {});
    });
  }

  /// Nats a token of each answer under each policy, `[policy][text]`.
  [[nodiscard]] std::vector<std::vector<double>> of_texts(std::span<any_policy const> policies) const {
    constexpr std::size_t texts_at_once = 8;
    std::vector<std::vector<double>> loglik(policies.size(), std::vector<double>(texts_.size()));
    for_each_index(model_, (texts_.size() + texts_at_once - 1) / texts_at_once, [&](std::size_t part) {
      auto const first = part * texts_at_once;
      auto const mine = texts_.subspan(first, (std::min)(texts_at_once, texts_.size() - first));
      std::vector<std::vector<token>> said;
      for (auto const& text : mine) said.push_back(tokens_before(text));
      std::vector<step<any_model::state const>> steps;
      for (std::size_t i = 0; i < mine.size(); ++i)
        steps.push_back({.tokens = said[i], .state = &read_[first + i], .sequence_id = first + i});
      model_.fork(steps, {.phase = phase::generation, .every_token = true}, policies,
                  {.logits =
                       [&](std::size_t p, std::size_t i, std::size_t at, std::span<float const> logits) {
                         loglik[p][first + i] +=
                             log_probability(logits, mine[i].answer[at]) / static_cast<double>(mine[i].answer.size());
                       },
                   .state = [](auto&&...) {}});
    });
    return loglik;
  }

  /// The mean over texts.
  [[nodiscard]] std::vector<double> operator()(std::span<any_policy const> policies) const {
    std::vector<double> means;
    for (auto const& of_policy : of_texts(policies))
      means.push_back(std::accumulate(of_policy.begin(), of_policy.end(), 0.0) / static_cast<double>(texts_.size()));
    return means;
  }

 private:
  any_model model_;
  std::span<calibration_text const> texts_;
  std::vector<any_model::state> read_;
};

/// What a head is worth when all others are there.
///
///     score = measure(all heads) - measure(all heads but this one), heads being dropped in a phase, or in both
///
/// In the measure's unit. Source: Michel, Levy & Neubig 2019, "Are Sixteen Heads Really Better than One?", arXiv
/// 1905.10650, section 3.2.
template <policy_measure Measure>
[[nodiscard]] head_table leave_one_out(any_model const& model, Measure const& measure,
                                       std::optional<phase> during = phase::generation) {
  auto const layers = model.layers();
  auto const heads = heads_of(layers);
  std::vector<any_policy> policies{dense};
  for (auto const& [layer, head] : heads) {
    auto kept = every_head(model.layers(), 1);
    kept[layer][head] = 0;
    policies.push_back(keep_heads(std::move(kept), during));
  }
  std::vector<double> const worth = measure(policies);
  auto scores = every_head(model.layers(), 0);
  for (std::size_t i = 0; i < heads.size(); ++i) scores[heads[i].first][heads[i].second] = worth[0] - worth[i + 1];
  return scores;
}

/// The same in nats a token of the answers.
[[nodiscard]] inline head_table leave_one_out(any_model const& model, std::span<calibration_text const> texts) {
  return leave_one_out(model, answer_loglik{model, texts});
}

/// What a head can do alone in its layer, all heads of the other layers being there.
///
///     score = measure(this head alone in its layer) - measure(no head in its layer)
///
/// In the measure's unit. Source: Michel, Levy & Neubig 2019, arXiv 1905.10650, section 3.3 ("all but one head").
template <policy_measure Measure>
[[nodiscard]] head_table all_but_one(any_model const& model, Measure const& measure,
                                     std::optional<phase> during = phase::generation) {
  auto scores = every_head(model.layers(), 0);
  for (std::size_t layer = 0; layer < scores.size(); ++layer) {
    if (scores[layer].empty()) continue;
    std::vector<any_policy> policies;
    auto kept = every_head(model.layers(), 1);
    kept[layer].assign(kept[layer].size(), 0);
    policies.push_back(keep_heads(kept, during));
    for (std::size_t head = 0; head < scores[layer].size(); ++head) {
      kept[layer][head] = 1;
      policies.push_back(keep_heads(kept, during));
      kept[layer][head] = 0;
    }
    std::vector<double> const worth = measure(policies);
    for (std::size_t head = 0; head < scores[layer].size(); ++head) scores[layer][head] = worth[head + 1] - worth[0];
  }
  return scores;
}

/// The same in nats a token of the answers.
[[nodiscard]] inline head_table all_but_one(any_model const& model, std::span<calibration_text const> texts) {
  return all_but_one(model, answer_loglik{model, texts});
}

/// Greedy forward selection: from no head, the one that helps most is added until all are there.
///
///     score = heads of the model - heads added before this one: the first one added scores highest
///
/// Of equal helps the lowest layer and head comes first. O(heads^2) policies.
/// Source: the usual forward selection (Efroymson 1960).
template <policy_measure Measure>
[[nodiscard]] head_table greedy_selection(any_model const& model, Measure const& measure,
                                          std::optional<phase> during = phase::generation) {
  auto left = heads_of(model.layers());
  auto scores = every_head(model.layers(), 0);
  auto kept = every_head(model.layers(), 0);
  while (!left.empty()) {
    std::vector<any_policy> policies;
    for (auto const& [layer, head] : left) {
      kept[layer][head] = 1;
      policies.push_back(keep_heads(kept, during));
      kept[layer][head] = 0;
    }
    std::vector<double> const worth = measure(policies);
    auto const best = std::ranges::max_element(worth) - worth.begin();
    auto const [layer, head] = left[static_cast<std::size_t>(best)];
    scores[layer][head] = static_cast<double>(left.size());
    kept[layer][head] = 1;
    left.erase(left.begin() + best);
  }
  return scores;
}

/// The same by the answers' log-likelihood.
[[nodiscard]] inline head_table greedy_selection(any_model const& model, std::span<calibration_text const> texts) {
  return greedy_selection(model, answer_loglik{model, texts});
}

}  // namespace headcount::v0::evaluate
