#pragma once

#include <algorithm>
#include <cstddef>
#include <ranges>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/core/site.hpp>
#include <headcount/score/online_softmax.hpp>

namespace headcount::v0::score {

// What the scorers of attention on some tokens (sink_mass, recent_mass, distant_mass, span_mass) are made of.

/// Keys [begin, end) of a row, by index.
struct key_range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The weight on some keys of a row. O(those keys), no allocation.
[[nodiscard]] double mass_on(key_range keys, attention_row auto const& weights) noexcept {
  auto const first = std::ranges::begin(weights);
  if (keys.begin >= keys.end) return 0;
  return row_sum(std::ranges::subrange(first + static_cast<std::ptrdiff_t>(keys.begin),
                                       first + static_cast<std::ptrdiff_t>(keys.end)),
                 [](double p) { return p; });
}

/// How many of a row's keys are among the first `tokens` of their sequence; a window may have dropped some of these.
/// The last key of the row is the query's own token.
[[nodiscard]] constexpr std::size_t keys_among_first(std::size_t tokens, site const& where, std::size_t keys) noexcept {
  auto const first = where.position + 1 - keys;
  return tokens <= first ? 0 : std::min(tokens - first, keys);
}

/// The weight on some keys from logits: sum over them of e^(s - m), by the sum over all, m the largest logit so far.
class online_mass {
 public:
  void add(double logit, bool counts) noexcept {
    auto const [shrink, e] = softmax_.add(logit);
    inside_ = inside_ * shrink + (counts ? e : 0);
  }
  [[nodiscard]] double mass() const noexcept { return softmax_.share(inside_); }

 private:
  online_softmax softmax_;
  double inside_ = 0;
};

/// The accumulator of a scorer whose `keys(site, keys)` is the one range of keys it counts.
template <class Score>
class range_accumulator {
 public:
  range_accumulator(Score const& score, site const& where, std::size_t keys) noexcept
      : counted_{score.keys(where, keys)} {}
  void add(double logit) noexcept {
    sum_.add(logit, at_ >= counted_.begin && at_ < counted_.end);
    ++at_;
  }
  [[nodiscard]] double score(Score const&) const noexcept { return sum_.mass(); }

 private:
  key_range counted_;
  std::size_t at_ = 0;
  online_mass sum_;
};

}  // namespace headcount::v0::score
