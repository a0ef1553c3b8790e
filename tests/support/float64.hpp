#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include <support/numbers.hpp>

// Slow references in double precision, written from the definitions and unlike the code they check.

namespace support {

/// e^(s - log sum e^s).
[[nodiscard]] inline std::vector<double> softmax(std::vector<double> const& logits) {
  double const largest = *std::ranges::max_element(logits);
  double const total = std::accumulate(logits.begin(), logits.end(), 0.0,
                                       [&](double sum, double logit) { return sum + std::exp(logit - largest); });
  double const log_sum = largest + std::log(total);
  std::vector<double> weights;
  for (double const logit : logits) weights.push_back(std::exp(logit - log_sum));
  return weights;
}

/// Minus Shannon's entropy in bits of q = p + eps, term by term as q * ln q / ln 2.
template <class Number>
[[nodiscard]] double minus_entropy(std::vector<Number> const& weights, double eps) {
  long double nats = 0;
  for (auto const weight : weights) {
    long double const q = static_cast<long double>(weight) + static_cast<long double>(eps);
    if (q > 0) nats += q * std::log(q);
  }
  return static_cast<double>(nats / std::log(2.0L));
}

/// The Euclidean norm by repeated hypot.
template <class Number>
[[nodiscard]] double norm(std::vector<Number> const& values) {
  long double length = 0;
  for (auto const value : values) length = std::hypot(length, static_cast<long double>(value));
  return static_cast<double>(length);
}

/// One query position: queries[head][dim], keys and values[key][kv_head][dim].
struct attention_problem {
  std::vector<std::vector<double>> queries;
  std::vector<std::vector<std::vector<double>>> keys;
  std::vector<std::vector<std::vector<double>>> values;
  double scale = 1;
  std::size_t group = 1;

  /// [head][key]
  [[nodiscard]] std::vector<std::vector<double>> weights() const {
    std::vector<std::vector<double>> rows;
    for (std::size_t head = 0; head < queries.size(); ++head) {
      std::vector<double> logits;
      for (auto const& key : keys) {
        auto const& shared = key[head / group];
        logits.push_back(scale * std::inner_product(shared.begin(), shared.end(), queries[head].begin(), 0.0));
      }
      rows.push_back(softmax(logits));
    }
    return rows;
  }

  /// [head][dim], from weights that may have been edited.
  [[nodiscard]] std::vector<std::vector<double>> outputs(std::vector<std::vector<double>> const& weights) const {
    auto const dim = queries.front().size();
    std::vector<std::vector<double>> result(queries.size(), std::vector<double>(dim));
    for (std::size_t key = 0; key < values.size(); ++key)
      for (std::size_t head = 0; head < queries.size(); ++head)
        for (std::size_t i = 0; i < dim; ++i) result[head][i] += weights[head][key] * values[key][head / group][i];
    return result;
  }
};

}  // namespace support
