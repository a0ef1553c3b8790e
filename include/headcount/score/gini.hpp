#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::score {

/// How unequally a head shares its attention: the Gini coefficient of its row of weights over n visible keys.
///
///     score = sum_i sum_j |p_i - p_j| / (2 n sum_j p_j)                     (mean absolute difference)
///           = sum_k (2 k - n - 1) p_(k) / (n sum_j p_j)                     (p_(1) <= ... <= p_(n), as computed)
///
/// Without unit, from 0 (uniform) to 1 - 1/n (one-hot); scaling a row changes nothing. A row of one key scores 0, and
/// so does an empty one. Higher is kept first. Reads the attention row about 1 + keys / 512 times, because it may not
/// sort it in place; no allocation. It needs the order of all weights, so it does not stream. Source: Gini 1912; as a
/// measure of sparsity, Hurley & Rickard 2009, arXiv 0811.4706.
struct gini {
  static constexpr std::string_view name = "gini";
  static constexpr part_about about{"how unequally it shares its attention, from 0 (uniform) to 1 - 1/n (one key)",
                                    "sum_i sum_j |p_i - p_j| / (2 n sum_j p_j)",
                                    "Gini 1912; Hurley & Rickard 2009, arXiv 0811.4706"};

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    auto const sum = row_sum(weights, [](double p) { return p; });
    auto const keys = std::ranges::size(weights);
    if (!(sum > 0)) return sum;  // nothing to share, or NaN
    double ranked = 0;
    std::size_t below = 0;  // weights that have their rank already
    auto const add = [&](double p) {
      ranked += (2 * static_cast<double>(++below) - static_cast<double>(keys) - 1) * p;
    };
    double bar = -std::numeric_limits<double>::infinity();  // the largest of them
    while (below < keys) {
      smallest next;
      for (double const p : weights)
        if (p > bar) next.add(p);
      auto const values = next.sorted();
      bar = values.back();
      for (double const p : values)
        if (p < bar) add(p);
      for (double const p : weights)
        if (p == bar) add(p);
    }
    return ranked / (static_cast<double>(keys) * sum);
  }

 private:
  /// The smallest of some numbers, at least 512 of them where there are so many.
  class smallest {
   public:
    void add(double value) noexcept {
      if (size_ >= kept && value > most_) return;
      values_[size_++] = value;
      if (size_ < values_.size()) return;
      std::nth_element(values_.data(), values_.data() + (kept - 1), values_.data() + values_.size());
      most_ = values_[kept - 1];
      size_ = kept;
    }
    [[nodiscard]] std::span<double const> sorted() noexcept {
      std::sort(values_.data(), values_.data() + size_);
      return {values_.data(), std::min<std::size_t>(size_, kept)};
    }

   private:
    static constexpr std::ptrdiff_t kept = 512;
    std::array<double, 2 * kept> values_;
    std::size_t size_ = 0;
    double most_ = std::numeric_limits<double>::infinity();
  };
};

}  // namespace headcount::v0::score
