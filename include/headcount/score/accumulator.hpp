#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <type_traits>

#include <headcount/core/device.hpp>
#include <headcount/core/site.hpp>

namespace headcount::v0 {

/// What a fused kernel keeps of a row whose weights it never stores: the score of a row scorer from the logits alone
/// (after scaling, before softmax). A scorer that has one names it `accumulator`, a plain value without pointers to
/// what is not its scorer's, and
///
///     score.start(where, keys)    the accumulator of no key yet, of a row of so many
///     sums.add(key, logit)        one key of the row, by index; in any order
///     sums.merge(others)          the keys of another accumulator of the same row
///     sums.score(score)           what the scorer makes of the row of these logits
///     score.accumulates()         whether that is this scorer's score: not where it rounds the weights
///
/// All of them can be called by GPU code (HEADCOUNT_DEVICE). kernel::attend stores rows and takes none.
template <class Score>
concept accumulated_scorer =
    requires(Score const& score, site const& where, std::size_t key, double logit, typename Score::accumulator& sums) {
      requires std::is_trivially_copyable_v<typename Score::accumulator>;
      { score.start(where, key) } noexcept -> std::same_as<typename Score::accumulator>;
      { sums.add(key, logit) } noexcept;
      { sums.merge(sums) } noexcept;
      { sums.score(score) } noexcept -> std::same_as<double>;
      { score.accumulates() } noexcept -> std::same_as<bool>;
    };

namespace score {

/// A softmax met logit by logit: the largest logit so far, and the sum of e^(logit - largest). What accumulators are
/// made of. A masked logit, minus infinity, weighs nothing; NaN and infinity make everything NaN.
/// Source: Milakov & Gimelshein 2018, arXiv 1805.02867.
struct online_softmax {
  static constexpr double nothing = -std::numeric_limits<double>::infinity();

  double largest = nothing;
  double total = 0;

  /// What becomes of terms summed up so far: they are multiplied by shrink = e^drop.
  struct rescaling {
    double drop = 0;
    double shrink = 1;
  };

  /// A logit's own term, e = e^power, beside the terms before it.
  struct step {
    rescaling before{};
    double power = 0;
    double e = 0;
  };

  HEADCOUNT_DEVICE step add(double logit) noexcept {
    step next;
    if (logit == nothing) return next;
    if (logit > largest) next.before = raise(logit);
    next.power = logit - largest;
    next.e = std::exp(next.power);
    total = total * next.before.shrink + next.e;
    return next;
  }

  /// What becomes of the terms of both.
  struct both {
    rescaling own{};
    rescaling others{};
  };

  HEADCOUNT_DEVICE both merge(online_softmax others) noexcept {
    both of;
    if (others.largest > largest) of.own = raise(others.largest);
    else of.others = others.raise(largest);
    total = total * of.own.shrink + others.total * of.others.shrink;
    return of;
  }

  /// A sum of terms as a share of the whole; 0 where there was no logit.
  [[nodiscard]] HEADCOUNT_DEVICE double share(double sum) const noexcept { return total == 0 ? 0 : sum / total; }

 private:
  HEADCOUNT_DEVICE rescaling raise(double logit) noexcept {
    auto const drop = largest - logit;
    largest = logit;
    return total > 0 ? rescaling{drop, std::exp(drop)} : rescaling{};
  }
};

}  // namespace score

}  // namespace headcount::v0
