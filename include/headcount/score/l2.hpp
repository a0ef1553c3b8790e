#pragma once

#include <cmath>
#include <cstddef>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/number_type.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/accumulator.hpp>

namespace headcount::v0::score {

/// How concentrated a head's attention is: the Euclidean norm of its row of weights.
///
///     score = sqrt(sum_j p_j^2)
///
/// Without unit, from 1 / sqrt(keys) (uniform) to 1 (one key); an empty row scores 0. Higher is kept first.
/// `dtype=bfloat16` rounds the weights and the score as the published code does in a bfloat16 model.
/// Reads the attention row once; O(keys), no allocation; accumulates.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861, metric "l2".
struct l2 {
  static constexpr std::string_view name = "l2";
  static constexpr part_about about{"how concentrated its attention is: the Euclidean norm of its row",
                                    "sqrt(sum_j p_j^2)", "Michalak & Abreu 2025, arXiv 2510.19861, metric \"l2\""};

  number_type dtype = number_type::float32;  ///< the format of weights and score

  static constexpr auto fields = field_list{named_field("dtype", &l2::dtype, "the format of weights and score")};

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    if (dtype == number_type::float32) return std::sqrt(row_sum(weights, [](double p) { return p * p; }));
    return static_cast<double>(round_to_bfloat16(static_cast<float>(std::sqrt(row_sum(weights, [](auto p) {
      double const rounded = static_cast<double>(round_to_bfloat16(static_cast<float>(p)));
      return rounded * rounded;
    })))));
  }

  /// The norm from logits: sqrt(sum e^(2 (s - m))) / sum e^(s - m), m the largest logit so far.
  struct accumulator {
    online_softmax softmax{};
    double squares = 0;

    HEADCOUNT_DEVICE void add(std::size_t, double logit) noexcept {
      auto const [before, power, e] = softmax.add(logit);
      squares = squares * before.shrink * before.shrink + e * e;
    }
    HEADCOUNT_DEVICE void merge(accumulator const& others) noexcept {
      auto const [own, theirs] = softmax.merge(others.softmax);
      squares = squares * own.shrink * own.shrink + others.squares * theirs.shrink * theirs.shrink;
    }
    [[nodiscard]] HEADCOUNT_DEVICE double score(l2 const&) const noexcept { return softmax.share(std::sqrt(squares)); }
  };
  [[nodiscard]] HEADCOUNT_DEVICE constexpr accumulator start(site const&, std::size_t) const noexcept { return {}; }
  [[nodiscard]] HEADCOUNT_DEVICE constexpr bool accumulates() const noexcept { return dtype == number_type::float32; }
};

}  // namespace headcount::v0::score
