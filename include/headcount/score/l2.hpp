#pragma once

#include <cmath>
#include <limits>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/row_sum.hpp>

namespace headcount::inline v0::score {

/// How concentrated a head's attention is: the Euclidean norm of its row of weights.
///
///     score = sqrt(sum_j p_j^2)
///
/// Without unit, from 1 / sqrt(keys) (uniform) to 1 (one key); an empty row scores 0. Higher is kept first.
/// Reads the attention row once; O(keys), no allocation; streams.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861, metric "l2".
struct l2 {
  static constexpr std::string_view name = "l2";

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    return std::sqrt(row_sum(weights, [](double p) { return p * p; }));
  }

  /// The norm from logits: sqrt(sum e^(2 (s - m))) / sum e^(s - m), m the largest logit so far.
  class accumulator {
   public:
    void add(double logit) noexcept {
      if (logit == -std::numeric_limits<double>::infinity()) return;
      if (logit > largest_) {
        double const shrink = std::exp(largest_ - logit);
        z_ *= shrink;
        squares_ *= shrink * shrink;
        largest_ = logit;
      }
      double const e = std::exp(logit - largest_);
      z_ += e;
      squares_ += e * e;
    }
    [[nodiscard]] double score(l2 const&) const noexcept { return z_ == 0 ? 0 : std::sqrt(squares_) / z_; }

   private:
    double largest_ = -std::numeric_limits<double>::infinity();
    double z_ = 0;
    double squares_ = 0;
  };
};

}  // namespace headcount::inline v0::score
