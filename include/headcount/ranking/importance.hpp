#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/generate.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/parallel.hpp>
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

/// The log-probability of each answer under each policy, in nats a token, `[policy][text]`: one dense prefill a text,
/// then the answer teacher-forced under every policy. Policies must leave prefill alone.
[[nodiscard]] inline std::vector<std::vector<double>> answer_loglik(reference::model const& model,
                                                                    std::span<calibration_text const> texts,
                                                                    std::span<any_policy const> policies) {
  constexpr std::size_t texts_at_once = 8;
  std::vector<std::vector<double>> loglik(policies.size(), std::vector<double>(texts.size()));
  reference::for_each_index((texts.size() + texts_at_once - 1) / texts_at_once, [&](std::size_t part) {
    auto const first = part * texts_at_once;
    auto const mine = texts.subspan(first, std::min(texts_at_once, texts.size() - first));
    std::vector<std::vector<token>> answers;
    auto sequences = reference::start_sequences(model, mine.size(), first);
    any_policy const all = dense;
    for (std::size_t i = 0; i < mine.size(); ++i) {
      answers.push_back(tokens_before(mine[i]));
      std::vector<std::vector<token>> const before{{mine[i].prompt.begin(), mine[i].prompt.end() - 1}};
      if (!before.front().empty()) sequences[i] = reference::prefill(model, before, {}, all, first + i).front();
    }
    reference::pass const how{.phase = phase::generation, .logits_of = reference::wanted::all_tokens};
    reference::fork_texts(model, std::span<reference::sequence const>{sequences}, answers, how, policies,
                          [&](std::size_t p, std::size_t i, reference::matrix const& logits, reference::sequence&&) {
                            double sum = 0;
                            for (std::size_t at = 0; at < mine[i].answer.size(); ++at) {
                              auto const row = logits.row(reference::index(at)).cast<double>().array();
                              auto const largest = row.maxCoeff();
                              sum += row[mine[i].answer[at]] - largest - std::log((row - largest).exp().sum());
                            }
                            loglik[p][first + i] = sum / static_cast<double>(mine[i].answer.size());
                          });
  });
  return loglik;
}

/// Means over texts of what answer_loglik gives, `[policy]`.
[[nodiscard]] inline std::vector<double> mean_answer_loglik(reference::model const& model,
                                                            std::span<calibration_text const> texts,
                                                            std::span<any_policy const> policies) {
  std::vector<double> means;
  for (auto const& of_texts : answer_loglik(model, texts, policies)) {
    double sum = 0;
    for (auto const one : of_texts) sum += one;
    means.push_back(sum / static_cast<double>(texts.size()));
  }
  return means;
}

/// The answers' log-likelihood as a measure of policies. The texts must outlive it.
[[nodiscard]] inline auto loglik_of(reference::model const& model, std::span<calibration_text const> texts) {
  return [&model, texts](std::span<any_policy const> policies) { return mean_answer_loglik(model, texts, policies); };
}

/// Every attention head of a model as (layer, head), in order.
[[nodiscard]] inline std::vector<std::pair<std::size_t, std::size_t>> heads_of(reference::model const& model) {
  std::vector<std::pair<std::size_t, std::size_t>> heads;
  auto const table = every_head(model, 0);
  for (std::size_t layer = 0; layer < table.size(); ++layer)
    for (std::size_t head = 0; head < table[layer].size(); ++head) heads.emplace_back(layer, head);
  return heads;
}

/// What a head is worth when all others are there.
///
///     score = measure(all heads) - measure(all heads but this one), heads being dropped in a phase, or in both
///
/// In the measure's unit. Source: Michel, Levy & Neubig 2019, "Are Sixteen Heads Really Better than One?", arXiv
/// 1905.10650, section 3.2.
template <policy_measure Measure>
[[nodiscard]] head_table leave_one_out(reference::model const& model, Measure const& measure,
                                       std::optional<phase> during = phase::generation) {
  auto const heads = heads_of(model);
  std::vector<any_policy> policies{dense};
  for (auto const& [layer, head] : heads) {
    auto kept = every_head(model, 1);
    kept[layer][head] = 0;
    policies.push_back(keep_heads(std::move(kept), during));
  }
  std::vector<double> const worth = measure(policies);
  auto scores = every_head(model, 0);
  for (std::size_t i = 0; i < heads.size(); ++i) scores[heads[i].first][heads[i].second] = worth[0] - worth[i + 1];
  return scores;
}

/// The same in nats a token of the answers.
[[nodiscard]] inline head_table leave_one_out(reference::model const& model, std::span<calibration_text const> texts) {
  return leave_one_out(model, loglik_of(model, texts));
}

/// What a head can do alone in its layer, all heads of the other layers being there.
///
///     score = measure(this head alone in its layer) - measure(no head in its layer)
///
/// In the measure's unit. Source: Michel, Levy & Neubig 2019, arXiv 1905.10650, section 3.3 ("all but one head").
template <policy_measure Measure>
[[nodiscard]] head_table all_but_one(reference::model const& model, Measure const& measure,
                                     std::optional<phase> during = phase::generation) {
  auto scores = every_head(model, 0);
  for (std::size_t layer = 0; layer < scores.size(); ++layer) {
    if (scores[layer].empty()) continue;
    std::vector<any_policy> policies;
    auto kept = every_head(model, 1);
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
[[nodiscard]] inline head_table all_but_one(reference::model const& model, std::span<calibration_text const> texts) {
  return all_but_one(model, loglik_of(model, texts));
}

/// Greedy forward selection: from no head, the one that helps most is added until all are there.
///
///     score = heads of the model - heads added before this one: the first one added scores highest
///
/// Of equal helps the lowest layer and head comes first. O(heads^2) policies.
/// Source: the usual forward selection (Efroymson 1960).
template <policy_measure Measure>
[[nodiscard]] head_table greedy_selection(reference::model const& model, Measure const& measure,
                                          std::optional<phase> during = phase::generation) {
  auto left = heads_of(model);
  auto scores = every_head(model, 0);
  auto kept = every_head(model, 0);
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
[[nodiscard]] inline head_table greedy_selection(reference::model const& model,
                                                 std::span<calibration_text const> texts) {
  return greedy_selection(model, loglik_of(model, texts));
}

}  // namespace headcount::v0::evaluate
