#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/from_file.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/evaluate/rank/calibration.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/generate.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/parallel.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/select/threshold.hpp>

namespace headcount::inline v0::evaluate {

/// Keeps exactly the heads whose entry is above 0, while generating.
[[nodiscard]] inline any_policy keep_heads(head_table kept) {
  for (auto& layer : kept)
    for (auto& head : layer) head = head > 0 ? 1 : 0;
  return any_policy{score::fixed{in_memory("heads", ranking{.scores = std::move(kept), .source = {}})} |
                    select::threshold{0.5}}
      .during(phase::generation);
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
///     score = loglik(all heads) - loglik(all heads but this one), in nats a token of the answer, while generating
///
/// Source: Michel, Levy & Neubig 2019, "Are Sixteen Heads Really Better than One?", arXiv 1905.10650, section 3.2, with
/// the answer's log-likelihood for the measure.
[[nodiscard]] inline head_table leave_one_out(reference::model const& model, std::span<calibration_text const> texts) {
  auto const heads = heads_of(model);
  std::vector<any_policy> policies{dense};
  for (auto const& [layer, head] : heads) {
    auto kept = every_head(model, 1);
    kept[layer][head] = 0;
    policies.push_back(keep_heads(std::move(kept)));
  }
  auto const loglik = mean_answer_loglik(model, texts, policies);
  auto scores = every_head(model, 0);
  for (std::size_t i = 0; i < heads.size(); ++i) scores[heads[i].first][heads[i].second] = loglik[0] - loglik[i + 1];
  return scores;
}

/// What a head can do alone in its layer, all heads of the other layers being there.
///
///     score = loglik(this head alone in its layer) - loglik(no head in its layer), in nats a token of the answer
///
/// Source: Michel, Levy & Neubig 2019, arXiv 1905.10650, section 3.3 ("all but one head").
[[nodiscard]] inline head_table all_but_one(reference::model const& model, std::span<calibration_text const> texts) {
  auto scores = every_head(model, 0);
  for (std::size_t layer = 0; layer < scores.size(); ++layer) {
    if (scores[layer].empty()) continue;
    std::vector<any_policy> policies;
    auto kept = every_head(model, 1);
    kept[layer].assign(kept[layer].size(), 0);
    policies.push_back(keep_heads(kept));
    for (std::size_t head = 0; head < scores[layer].size(); ++head) {
      kept[layer][head] = 1;
      policies.push_back(keep_heads(kept));
      kept[layer][head] = 0;
    }
    auto const loglik = mean_answer_loglik(model, texts, policies);
    for (std::size_t head = 0; head < scores[layer].size(); ++head) scores[layer][head] = loglik[head + 1] - loglik[0];
  }
  return scores;
}

/// Greedy forward selection: from no head, the one that helps most is added until all are there.
///
///     score = heads of the model - heads added before this one: the first one added scores highest
///
/// Of equal helps the lowest layer and head comes first. O(heads^2) policies over every text.
/// Source: the usual forward selection (Efroymson 1960), with the answer's log-likelihood for the criterion.
[[nodiscard]] inline head_table greedy_selection(reference::model const& model,
                                                 std::span<calibration_text const> texts) {
  auto left = heads_of(model);
  auto scores = every_head(model, 0);
  auto kept = every_head(model, 0);
  while (!left.empty()) {
    std::vector<any_policy> policies;
    for (auto const& [layer, head] : left) {
      kept[layer][head] = 1;
      policies.push_back(keep_heads(kept));
      kept[layer][head] = 0;
    }
    auto const loglik = mean_answer_loglik(model, texts, policies);
    auto const best = std::ranges::max_element(loglik) - loglik.begin();
    auto const [layer, head] = left[static_cast<std::size_t>(best)];
    scores[layer][head] = static_cast<double>(left.size());
    kept[layer][head] = 1;
    left.erase(left.begin() + best);
  }
  return scores;
}

}  // namespace headcount::inline v0::evaluate
