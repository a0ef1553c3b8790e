#pragma once

#include <cstddef>
#include <ranges>
#include <string_view>
#include <tuple>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/index_range.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/mass.hpp>

namespace headcount::v0::score {

/// How much a head attends to given tokens, e.g. a needle's: the weight on positions of its sequence.
///
///     score = sum over keys at `positions` of p_j
///
/// A share, from 0 to 1; positions not seen yet, or dropped by a sliding window, hold no weight. Higher is kept first.
/// Reads the attention row once; O(positions in it), no allocation; streams.
/// Source: the attention to the needle by which retrieval heads are found, Wu et al. 2024, arXiv 2404.15574; as the sum
/// of weights, own.
struct span_mass {
  static constexpr std::string_view name = "span_mass";
  static constexpr part_about about{"the weight on given tokens of the sequence",
                                    "sum of p_j, position of j in positions",
                                    "own, after Wu et al. 2024, arXiv 2404.15574"};
  static constexpr bool ignores_row = true;

  token_positions positions{};  ///< the tokens that count

  static constexpr auto fields = std::tuple{leading_field("positions", &span_mass::positions, "the tokens that count")};

  [[nodiscard]] double operator()(attention_row auto const& weights, site const& where) const noexcept {
    auto const keys = std::ranges::size(weights);
    double mass = 0;
    positions.for_each_in_row(where.position + 1 - keys, keys, [&](std::size_t begin, std::size_t end) {
      mass += mass_on(key_range{begin, end}, weights);
    });
    return mass;
  }

  /// Walks the positions beside the keys.
  class accumulator {
   public:
    accumulator(span_mass const& score, site const& where, std::size_t keys) noexcept
        : positions_{&score.positions}, next_{score.positions.begin()}, at_{where.position + 1 - keys} {}
    void add(double logit) noexcept {
      while (next_ != positions_->end() && (*next_).last < at_) ++next_;
      sum_.add(logit, next_ != positions_->end() && (*next_).first <= at_);
      ++at_;
    }
    [[nodiscard]] double score(span_mass const&) const noexcept { return sum_.mass(); }

   private:
    token_positions const* positions_;
    decltype(positions_->begin()) next_;
    std::size_t at_;
    online_mass sum_;
  };
};

}  // namespace headcount::v0::score
