#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <headcount/core/random.hpp>

namespace headcount::v0 {

/// A sequence of random numbers that a seed determines, on every platform alike: SplitMix64 (see mix_bits).
class random_stream {
 public:
  explicit random_stream(std::uint64_t seed) noexcept : seed_{mix_bits(seed)} {}

  /// A number in [0, 1).
  [[nodiscard]] double number() noexcept { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  /// A whole number in [0, count); count is at least 1 and below 2^32.
  [[nodiscard]] std::size_t below(std::size_t count) noexcept {
    return static_cast<std::size_t>((bits() >> 32) * count >> 32);
  }

  /// One element of a list that is not empty.
  template <class List>
  [[nodiscard]] auto const& one_of(List const& list) noexcept {
    return list[below(list.size())];
  }

  /// The elements of a list in random order.
  template <class Value>
  [[nodiscard]] std::vector<Value> shuffled(std::vector<Value> list) {
    auto const count = list.size();
    return some_of(std::move(list), count);
  }

  /// `count` different elements of a list, in random order; at most all of them.
  template <class Value>
  [[nodiscard]] std::vector<Value> some_of(std::vector<Value> list, std::size_t count) {
    for (std::size_t i = 0; i < count && i < list.size(); ++i) std::swap(list[i], list[i + below(list.size() - i)]);
    if (count < list.size()) list.resize(count);
    return list;
  }

 private:
  [[nodiscard]] std::uint64_t bits() noexcept { return mix_bits(seed_ + 0x9e3779b97f4a7c15u * ++drawn_); }

  std::uint64_t seed_;
  std::uint64_t drawn_ = 0;
};

}  // namespace headcount::v0
