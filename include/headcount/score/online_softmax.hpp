#pragma once

#include <cmath>
#include <limits>

#include <headcount/core/device.hpp>
#include <headcount/version.hpp>

namespace headcount::v0::score {

/// A softmax met logit by logit: the largest logit so far, and the sum of e^(logit - largest). What accumulators of row
/// scorers are made of. A masked logit, minus infinity, weighs nothing; NaN and infinity make everything NaN.
/// Source: Milakov & Gimelshein 2018, arXiv 1805.02867.
class online_softmax {
 public:
  /// What a logit does to sums of terms: those made so far are multiplied by `shrink`, then `e` is its own term.
  struct step {
    double shrink = 1;
    double e = 0;
  };

  constexpr online_softmax() noexcept = default;
  /// From what a kernel made of logits: the largest, and the sum.
  HEADCOUNT_DEVICE constexpr online_softmax(double largest, double total) noexcept : largest_{largest}, total_{total} {}

  step add(double logit) noexcept {
    step next;
    if (logit == -std::numeric_limits<double>::infinity()) return next;
    if (logit > largest_) {
      next.shrink = std::exp(largest_ - logit);
      largest_ = logit;
    }
    next.e = std::exp(logit - largest_);
    total_ = total_ * next.shrink + next.e;
    return next;
  }

  [[nodiscard]] double largest() const noexcept { return largest_; }
  [[nodiscard]] double total() const noexcept { return total_; }

  /// A sum of terms as a share of the whole; 0 where there was no logit.
  [[nodiscard]] HEADCOUNT_DEVICE double share(double sum) const noexcept { return total_ == 0 ? 0 : sum / total_; }

 private:
  double largest_ = -std::numeric_limits<double>::infinity();
  double total_ = 0;
};

}  // namespace headcount::v0::score
