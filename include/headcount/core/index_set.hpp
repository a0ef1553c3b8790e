#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <headcount/core/bits.hpp>

namespace headcount::v0 {

/// A set of small indices as a bitset of fixed capacity: trivially copyable, no allocation, walked in index order.
/// Indices must be below `Capacity` (a precondition; checked once per layer by `validate`, not here).
template <std::size_t Capacity>
class index_set {
  static_assert(Capacity % 64 == 0, "headcount: an index_set's capacity is a multiple of 64");

 public:
  /// Walks the members from the lowest to the highest.
  class iterator {
   public:
    using value_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;

    constexpr iterator() noexcept = default;
    constexpr iterator(index_set const* set, std::size_t index) noexcept : set_{set}, index_{set->next(index)} {}
    [[nodiscard]] constexpr std::size_t operator*() const noexcept { return index_; }
    constexpr iterator& operator++() noexcept {
      index_ = set_->next(index_ + 1);
      return *this;
    }
    constexpr iterator operator++(int) noexcept {
      auto const before = *this;
      ++*this;
      return before;
    }
    [[nodiscard]] friend constexpr bool operator==(iterator a, iterator b) noexcept { return a.index_ == b.index_; }

   private:
    index_set const* set_ = nullptr;
    std::size_t index_ = Capacity;
  };

  /// The largest index plus one that fits.
  [[nodiscard]] static constexpr std::size_t capacity() noexcept { return Capacity; }

  /// The set {0, ..., count - 1}.
  [[nodiscard]] static constexpr index_set first(std::size_t count) noexcept {
    index_set all;
    for (std::size_t index = 0; index < count && index < Capacity; ++index) all.insert(index);
    return all;
  }

  constexpr void insert(std::size_t index) noexcept { words_[index / 64] |= bit(index); }
  constexpr void erase(std::size_t index) noexcept { words_[index / 64] &= ~bit(index); }
  [[nodiscard]] constexpr bool contains(std::size_t index) const noexcept {
    return (words_[index / 64] & bit(index)) != 0;
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept {
    std::size_t members = 0;
    for (auto const word : words_) members += static_cast<std::size_t>(set_bits(word));
    return members;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return *this == index_set{}; }

  [[nodiscard]] constexpr iterator begin() const noexcept { return {this, 0}; }
  [[nodiscard]] constexpr iterator end() const noexcept { return {}; }

  /// What is in both sets, and what is in either.
  [[nodiscard]] friend constexpr index_set operator&(index_set a, index_set const& b) noexcept {
    for (std::size_t i = 0; i < a.words_.size(); ++i) a.words_[i] &= b.words_[i];
    return a;
  }
  [[nodiscard]] friend constexpr index_set operator|(index_set a, index_set const& b) noexcept {
    for (std::size_t i = 0; i < a.words_.size(); ++i) a.words_[i] |= b.words_[i];
    return a;
  }
  [[nodiscard]] friend constexpr bool operator==(index_set const&, index_set const&) noexcept = default;

 private:
  [[nodiscard]] static constexpr std::uint64_t bit(std::size_t index) noexcept {
    return std::uint64_t{1} << (index % 64);
  }

  /// The lowest member at or after `index`; Capacity when there is none.
  [[nodiscard]] constexpr std::size_t next(std::size_t index) const noexcept {
    while (index < Capacity) {
      auto const rest = words_[index / 64] >> (index % 64);
      if (rest != 0) return index + static_cast<std::size_t>(lowest_bit(rest));
      index = (index / 64 + 1) * 64;
    }
    return Capacity;
  }

  std::array<std::uint64_t, Capacity / 64> words_{};
};

}  // namespace headcount::v0
