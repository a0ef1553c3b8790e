#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include <headcount/version.hpp>

namespace headcount::v0::kernel {

/// Sixteen floats side by side, whatever a machine's vector registers hold: results do not depend on how many of them
/// that are. GCC and Clang keep them in registers; others see loops over an array.
struct lanes {
  static constexpr std::size_t count = 16;
#if defined(__GNUC__) && !defined(__CUDACC__)
  using storage = float __attribute__((vector_size(count * sizeof(float))));
#else
  using storage = std::array<float, count>;
#endif
  storage values{};
};

/// How many lanes a loop may hold in registers at once, beside what it reads: more would go to memory and back.
#if defined(__AVX512F__)
inline constexpr std::size_t most_sums = 20;
#else
inline constexpr std::size_t most_sums = 4;
#endif

// Vectors are given by reference: how they are passed by value depends on the machine that code is compiled for.

/// Reads and writes all sixteen lanes, however the floats are aligned.
struct all_lanes {
  static void load(lanes& to, float const* from) noexcept {
    lanes::storage values;
    std::memcpy(&values, from, sizeof values);
    to.values = values;
  }
  /// The same of bfloat16, the upper halves of floats.
  static void load(lanes& to, std::uint16_t const* from) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
    std::uint16_t __attribute__((vector_size(lanes::count * sizeof(std::uint16_t)))) halves;
    using wide = std::uint32_t __attribute__((vector_size(lanes::count * sizeof(std::uint32_t))));
    std::memcpy(&halves, from, sizeof halves);
    to.values = reinterpret_cast<lanes::storage>(__builtin_convertvector(halves, wide) << 16);
#else
    for (std::size_t i = 0; i < lanes::count; ++i) to.values[i] = std::bit_cast<float>(std::uint32_t{from[i]} << 16);
#endif
  }
  static void store(lanes const& from, float* to) noexcept { std::memcpy(to, &from.values, sizeof from.values); }
};

/// Reads and writes the first `count`, fewer than sixteen; the others are read as 0.
struct first_lanes {
  std::size_t count = 0;

  template <class Number>
  void load(lanes& to, Number const* from) const noexcept {
    std::array<Number, lanes::count> some;
    for (std::size_t i = 0; i < lanes::count; ++i) some[i] = i < count ? from[i] : Number{};
    all_lanes::load(to, some.data());
  }
  void store(lanes const& from, float* to) const noexcept {
    std::array<float, lanes::count> all;
    all_lanes::store(from, all.data());
    for (std::size_t i = 0; i < lanes::count; ++i)
      if (i < count) to[i] = all[i];
  }
};

/// sums += a * b, lane by lane.
inline void add_product(lanes& sums, lanes const& a, lanes const& b) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
  sums.values += a.values * b.values;
#else
  for (std::size_t i = 0; i < lanes::count; ++i) sums.values[i] += a.values[i] * b.values[i];
#endif
}
/// sums += a * b in every lane.
inline void add_product(lanes& sums, float a, lanes const& b) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
  sums.values += a * b.values;
#else
  for (std::size_t i = 0; i < lanes::count; ++i) sums.values[i] += a * b.values[i];
#endif
}

/// from -= what, in every lane.
inline void subtract(lanes& from, float what) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
  from.values -= what;
#else
  for (auto& value : from.values) value -= what;
#endif
}

/// of *= by, in every lane.
inline void multiply(lanes& of, float by) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
  of.values *= by;
#else
  for (auto& value : of.values) value *= by;
#endif
}

/// One step of adding up lanes, of two vectors at once. Each holds sums in runs of 2 * Half lanes; the first halves of
/// all runs, those of `a` before those of `b`, are added to the second halves.
template <std::size_t Half>
inline void fold(lanes& to, lanes const& a, lanes const& b) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
  to.values =
      [&]<std::size_t... Lane>(std::index_sequence<Lane...>) {
        return lanes{__builtin_shufflevector(a.values, b.values, (Lane / Half * 2 * Half + Lane % Half)...) +
                     __builtin_shufflevector(a.values, b.values, (Lane / Half * 2 * Half + Lane % Half + Half)...)};
      }(std::make_index_sequence<lanes::count>{})
          .values;
#else
  lanes sums;
  for (std::size_t lane = 0; lane < lanes::count; ++lane) {
    auto const first = lane / Half * 2 * Half + lane % Half;
    auto const at = [&](std::size_t i) { return i < lanes::count ? a.values[i] : b.values[i - lanes::count]; };
    sums.values[lane] = at(first) + at(first + Half);
  }
  to = sums;
#endif
}

/// Calls `body` with 0 to Count - 1 as constants, so that arrays indexed by them can be registers.
template <std::size_t Count, class Body>
inline void unrolled(Body&& body) noexcept {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (body(std::integral_constant<std::size_t, I>{}), ...);
  }(std::make_index_sequence<Count>{});
}

/// The sums of the lanes of each of Count vectors, as `dot` adds up: halves, quarters, and so on. Overwrites them. Up
/// to sixteen at once, Count of which is a power of two.
template <std::size_t Count>
inline void sum_lanes(std::array<lanes, Count>& of, float* sums) noexcept {
  static_assert(lanes::count == 16);
  constexpr std::size_t at_once = (std::min)(std::bit_floor(Count), lanes::count);
  auto const step = [&]<std::size_t Half>(std::integral_constant<std::size_t, Half>) {
    constexpr std::size_t left = at_once * Half / lanes::count == 0 ? 1 : at_once * Half / lanes::count;
    constexpr std::size_t before = at_once * Half * 2 / lanes::count == 0 ? 1 : at_once * Half * 2 / lanes::count;
    unrolled<left>([&](auto i) { fold<Half>(of[i], of[(2 * i) % before], of[(2 * i + 1) % before]); });
  };
  step(std::integral_constant<std::size_t, 8>{});
  step(std::integral_constant<std::size_t, 4>{});
  step(std::integral_constant<std::size_t, 2>{});
  step(std::integral_constant<std::size_t, 1>{});
  std::array<float, lanes::count> all;
  all_lanes::store(of[0], all.data());
  for (std::size_t i = 0; i < at_once; ++i) sums[i] = all[i];
  if constexpr (Count > at_once) {
    std::array<lanes, Count - at_once> rest;
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = of[at_once + i];
    sum_lanes(rest, sums + at_once);
  }
}

}  // namespace headcount::v0::kernel
