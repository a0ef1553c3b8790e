#pragma once

#include <cstddef>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/device.hpp>
#include <headcount/core/row_sum.hpp>
#include <headcount/core/site.hpp>
#include <headcount/score/accumulator.hpp>

namespace headcount::v0::score {

// What the scorers of attention on some tokens (sink_mass, recent_mass, distant_mass, span_mass) are made of.

/// Keys [begin, end) of a row, by index.
struct key_range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The weight on some keys of a row. O(those keys), no allocation.
[[nodiscard]] double mass_on(key_range keys, attention_row auto const& weights) noexcept {
  if (keys.begin >= keys.end) return 0;
  return sum_of(std::ranges::begin(weights) + static_cast<std::ptrdiff_t>(keys.begin),
                static_cast<std::ptrdiff_t>(keys.end - keys.begin), [](double p) { return p; });
}

/// How many of a row's keys are among the first `tokens` of their sequence; a window may have dropped some of these.
/// The last key of the row is the query's own token.
[[nodiscard]] HEADCOUNT_DEVICE constexpr std::size_t keys_among_first(std::size_t tokens, site const& where,
                                                                      std::size_t keys) noexcept {
  auto const first = where.position + 1 - keys;
  return tokens <= first ? 0 : tokens - first < keys ? tokens - first : keys;
}

/// The weight on some keys from logits: sum over them of e^(s - m), by the sum over all, m the largest logit so far.
struct mass_accumulator {
  key_range counted{};
  online_softmax softmax{};
  double inside = 0;

  HEADCOUNT_DEVICE void add(std::size_t key, double logit) noexcept {
    add_if(key >= counted.begin && key < counted.end, logit);
  }
  HEADCOUNT_DEVICE void add_if(bool counts, double logit) noexcept {
    auto const [before, power, e] = softmax.add(logit);
    inside = inside * before.shrink + (counts ? e : 0);
  }
  HEADCOUNT_DEVICE void merge(mass_accumulator const& others) noexcept {
    auto const [own, theirs] = softmax.merge(others.softmax);
    inside = inside * own.shrink + others.inside * theirs.shrink;
  }
  [[nodiscard]] HEADCOUNT_DEVICE double score(auto const&) const noexcept { return softmax.share(inside); }
};

}  // namespace headcount::v0::score
