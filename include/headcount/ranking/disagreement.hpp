#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

/// How two policies' predictions of one text's answer differ: means over its tokens.
struct text_disagreement {
  double kl = 0;            ///< KL(a || b) = sum_x a(x) ln(a(x) / b(x)), nats
  double other_choice = 0;  ///< share of the tokens where the greedy choices differ
};

/// What policies make of the same answers, each token after the right ones before it.
struct disagreement {
  std::vector<std::vector<std::vector<text_disagreement>>> between{};  ///< `[a][b][text]`
  std::vector<std::vector<double>> loglik{};                           ///< `[policy][text]`, nats a token
  std::vector<outcomes> right{};  ///< `[policy][text]`: whether every token is the greedy choice
  std::size_t tokens = 0;         ///< of all answers
};

/// Natural logarithms of the probabilities that logits `[vocabulary]` stand for.
[[nodiscard]] inline std::vector<double> log_probabilities(std::span<float const> logits) {
  std::vector<double> row(logits.begin(), logits.end());
  for (double const sum = log_sum(logits); auto& logit : row) logit -= sum;
  return row;
}

/// The means over tokens of log-probabilities `[token, vocabulary]` a and b.
[[nodiscard]] inline text_disagreement disagreement_of(std::span<std::vector<double> const> a,
                                                       std::span<std::vector<double> const> b) {
  text_disagreement mean;
  auto const tokens = static_cast<double>(a.size());
  for (std::size_t token = 0; token < a.size(); ++token) {
    double kl = 0;
    for (std::size_t x = 0; x < a[token].size(); ++x) kl += std::exp(a[token][x]) * (a[token][x] - b[token][x]);
    mean.kl += kl / tokens;
    auto const choice = [](std::vector<double> const& row) { return std::ranges::max_element(row) - row.begin(); };
    mean.other_choice += (choice(a[token]) != choice(b[token]) ? 1 : 0) / tokens;
  }
  return mean;
}

/// Reads each text's prompt and then the right answer as generation under each policy, as `follow` does, and compares
/// all pairs of policies; text i gets row i. Under a policy that leaves prefill dense, so is the answer's first token.
/// Throws what the model throws.
[[nodiscard]] inline disagreement compare_predictions(any_model const& model, std::span<calibration_text const> texts,
                                                      std::span<any_policy const> policies) {
  auto const count = policies.size();
  disagreement all{.between = std::vector(count, std::vector(count, std::vector<text_disagreement>(texts.size()))),
                   .loglik = std::vector(count, std::vector<double>(texts.size()))};
  std::vector<std::vector<char>> right(count, std::vector<char>(texts.size(), true));  // written by several threads
  for (auto const& text : texts) all.tokens += text.answer.size();

  auto const compare = [&](std::size_t i) {
    auto const& answer = texts[i].answer;
    loglikelihood_request const one{.prompt = {.tokens = texts[i].prompt, .sequence_id = i},
                                    .continuations = {answer},
                                    .read_as = phase::generation};
    std::vector said(count, std::vector<std::vector<double>>(answer.size()));  // [policy][token][vocabulary]
    work done;
    teacher_force(model, std::span{&one, 1}, policies, done, [&](forced_token at, std::span<float const> logits) {
      auto const next = answer[at.token];
      said[at.policy][at.token] = log_probabilities(logits);
      all.loglik[at.policy][i] += log_probability(logits, next) / static_cast<double>(answer.size());
      if (best_token(logits) != next) right[at.policy][i] = false;
    });
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t b = 0; b < count; ++b)
        if (a != b) all.between[a][b][i] = disagreement_of(said[a], said[b]);
  };
  for_each_index(model, texts.size(), compare);
  for (auto const& one : right) all.right.emplace_back(one.begin(), one.end());
  return all;
}

}  // namespace headcount::v0::evaluate
