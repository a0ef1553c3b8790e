#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <numbers>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/logarithm.hpp>
#include <headcount/core/number_type.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/accumulator.hpp>

namespace headcount::v0::score {

/// How uneven a head's attention is: minus the entropy of its row of weights.
///
///     score = sum_j (p_j + eps) * log2(p_j + eps)                    bits
///     score = sum_j (p_j + eps) * log2(p_j + eps) / log2(keys)       with normalised=true
///
/// From about -log2(keys) (uniform), or -1 where normalised, to about 0 (one key); an empty row scores 0, and so does a
/// normalised row of one key. Higher is kept first. Heads of one site see the same keys, so that normalising changes
/// nothing there; between sites, and against a threshold, only normalised scores compare.
/// `dtype=bfloat16` rounds the weights, each step of the formula and the score as the published code does in a bfloat16
/// model.
/// Reads the attention row once; O(keys), no allocation; accumulates.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861, metric "entropy".
struct entropy {
  static constexpr std::string_view name = "entropy";
  static constexpr part_about about{
      "how uneven its attention is: minus the entropy of its row, in bits; divided by log2 of the visible keys if "
      "normalised",
      "sum_j (p_j + eps) log2(p_j + eps)", "Michalak & Abreu 2025, arXiv 2510.19861, metric \"entropy\""};

  double eps = 1e-12;                        ///< added to each weight so that log2 stays finite; 1e-30 to 0.001
  bool normalised = false;                   ///< divided by log2 of the visible keys
  number_type dtype = number_type::float32;  ///< the format of weights and score

  static constexpr auto fields =
      field_list{named_field("eps", &entropy::eps, "added to each weight so that log2 stays finite", {1e-30, 1e-3}),
                 named_field("normalised", &entropy::normalised, "divided by log2 of the visible keys"),
                 named_field("dtype", &entropy::dtype, "the format of weights and score")};

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    return per_key(bits(weights), std::ranges::size(weights));
  }

  /// Minus the entropy from logits: with z = sum e^(s - m) and t = sum e^(s - m) (s - m), m the largest logit so far,
  /// it is t / z - ln z nats. Leaves out eps, whose share is below 2e-11 bits a key at its default.
  struct accumulator {
    online_softmax softmax{};
    double t = 0;
    std::size_t keys = 0;  ///< of the row

    HEADCOUNT_DEVICE void add(std::size_t, double logit) noexcept {
      double const z = softmax.total;
      auto const [before, power, e] = softmax.add(logit);
      t = before.shrink * (t + z * before.drop) + e * power;
    }
    HEADCOUNT_DEVICE void merge(accumulator const& others) noexcept {
      double const z = softmax.total;
      auto const [own, theirs] = softmax.merge(others.softmax);
      t = own.shrink * (t + z * own.drop) + theirs.shrink * (others.t + others.softmax.total * theirs.drop);
    }
    [[nodiscard]] HEADCOUNT_DEVICE double score(entropy const& how) const noexcept {
      double const z = softmax.total;
      return how.per_key(z == 0 ? 0 : (t / z - std::log(z)) * std::numbers::log2e, keys);
    }
  };
  [[nodiscard]] HEADCOUNT_DEVICE constexpr accumulator start(site const&, std::size_t keys) const noexcept {
    return {.keys = keys};
  }
  [[nodiscard]] HEADCOUNT_DEVICE constexpr bool accumulates() const noexcept { return dtype == number_type::float32; }

 private:
  [[nodiscard]] double bits(attention_row auto const& weights) const noexcept {
    if (dtype == number_type::bfloat16) {
      float const tiny = static_cast<float>(eps);
      auto const sum = row_sum(weights, [tiny](auto p) {
        float const q = round_to_bfloat16(round_to_bfloat16(static_cast<float>(p)) + tiny);
        return round_to_bfloat16(q * round_to_bfloat16(std::log2(q)));
      });
      return static_cast<double>(round_to_bfloat16(static_cast<float>(sum)));
    }
    if constexpr (std::same_as<std::ranges::range_value_t<decltype(weights)>, float>) {
      return row_sum(weights,
                     [tiny = static_cast<float>(eps)](float p) { return (p + tiny) * log2_of_positive(p + tiny); });
    } else {
      return row_sum(weights, [tiny = eps](double p) { return (p + tiny) * std::log2(p + tiny); });
    }
  }

  [[nodiscard]] HEADCOUNT_DEVICE double per_key(double bits, std::size_t keys) const noexcept {
    if (!normalised) return bits;
    return keys > 1 ? bits / std::log2(static_cast<double>(keys)) : 0 * bits;
  }
};

}  // namespace headcount::v0::score
