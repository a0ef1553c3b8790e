#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>
#include <ranges>
#include <string_view>
#include <tuple>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/logarithm.hpp>
#include <headcount/core/part.hpp>
#include <headcount/core/row_sum.hpp>

namespace headcount::inline v0::score {

/// How uneven a head's attention is: minus the entropy of its row of weights.
///
///     score = sum_j (p_j + eps) * log2(p_j + eps)
///
/// In bits, from about -log2(keys) (uniform) to about 0 (one key); an empty row scores 0. Higher is kept first.
/// Reads the attention row once; O(keys), no allocation; streams.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861, metric "entropy".
struct entropy {
  static constexpr std::string_view name = "entropy";

  double eps = 1e-12;  ///< added to each weight so that log2 stays finite; 1e-30 to 0.001

  static constexpr auto fields =
      std::tuple{named_field("eps", &entropy::eps, "added to each weight so that log2 stays finite", {1e-30, 1e-3})};

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    if constexpr (std::same_as<std::ranges::range_value_t<decltype(weights)>, float>) {
      return row_sum(weights,
                     [tiny = static_cast<float>(eps)](float p) { return (p + tiny) * log2_of_positive(p + tiny); });
    } else {
      return row_sum(weights, [tiny = eps](double p) { return (p + tiny) * std::log2(p + tiny); });
    }
  }

  /// Minus the entropy from logits: with z = sum e^(s - m) and t = sum e^(s - m) (s - m), m the largest logit so far,
  /// it is t / z - ln z nats. Leaves out eps, whose share is below 2e-11 bits a key at its default.
  class accumulator {
   public:
    void add(double logit) noexcept {
      if (logit == -std::numeric_limits<double>::infinity()) return;
      if (logit > largest_) {
        if (z_ > 0) {
          double const drop = largest_ - logit;
          double const shrink = std::exp(drop);
          t_ = shrink * (t_ + z_ * drop);
          z_ *= shrink;
        }
        largest_ = logit;
      }
      double const power = logit - largest_;
      double const e = std::exp(power);
      z_ += e;
      t_ += e * power;
    }
    [[nodiscard]] double score(entropy const&) const noexcept {
      return z_ == 0 ? 0 : (t_ / z_ - std::log(z_)) * std::numbers::log2e;
    }

   private:
    double largest_ = -std::numeric_limits<double>::infinity();
    double z_ = 0;
    double t_ = 0;
  };
};

}  // namespace headcount::inline v0::score
