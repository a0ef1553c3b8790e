#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::score {

/// How few keys a head attends to: the weight on the n keys with the largest weights.
///
///     score = sum of the n largest p_j
///
/// A share, from n / keys (uniform) to 1, and 1 where no more than n keys are visible; top_mass(1) is `max`. Higher is
/// kept first.
/// Reads the attention row once; O(keys) and O(log n) for each key that is among the n largest so far, no allocation.
/// Source: own; the share that top-p selections of tokens are cut by.
struct top_mass {
  static constexpr std::string_view name = "top_mass";
  static constexpr part_about about{"the weight on the n keys with the largest weights", "sum of the n largest p_j",
                                    "own"};
  static constexpr std::size_t most = 256;  ///< the largest n

  std::size_t n = 8;  ///< keys counted; 1 to 256

  static constexpr auto fields =
      field_list{leading_field("n", &top_mass::n, "how many of the largest weights count", {1, most})};

  /// The n largest of some numbers, as a heap with the smallest of them in front.
  class largest {
   public:
    explicit largest(std::size_t n) noexcept : n_{n} {}
    void add(double value) noexcept {
      auto const heap = std::span{values_}.first(size_ < n_ ? ++size_ : n_);
      if (!filled_) {
        heap.back() = value;
        filled_ = size_ == n_;
      } else {
        if (value <= heap.front()) return;
        std::pop_heap(heap.begin(), heap.end(), larger_below);
        heap.back() = value;
      }
      std::push_heap(heap.begin(), heap.end(), larger_below);
    }
    [[nodiscard]] std::span<double const> values() const noexcept { return std::span{values_}.first(size_); }

   private:
    static constexpr bool larger_below(double a, double b) noexcept { return a > b; }

    std::array<double, most> values_;
    std::size_t n_;
    std::size_t size_ = 0;
    bool filled_ = false;
  };

  [[nodiscard]] double operator()(attention_row auto const& weights) const noexcept {
    largest found{n};
    for (double const p : weights) {
      if (p != p) return p;
      found.add(p);
    }
    double mass = 0;
    for (double const p : found.values()) mass += p;
    return mass;
  }
};

}  // namespace headcount::v0::score
