#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0 {

namespace detail {

/// Fills the generator's state as Python's random.seed(number) does.
/// Source: Matsumoto & Nishimura 2002, `init_by_array` of mt19937ar, with the number's 32-bit digits as the key.
struct python_seed {
  std::uint64_t number = 0;

  using result_type = std::uint32_t;
  template <class Iterator>
  void generate(Iterator begin, Iterator end) const {
    std::vector<std::uint32_t> key{static_cast<std::uint32_t>(number)};
    if (number >> 32 != 0) key.push_back(static_cast<std::uint32_t>(number >> 32));
    auto const size = static_cast<std::size_t>(end - begin);
    std::vector<std::uint32_t> state(size, 19650218u);
    auto const mixed = [&](std::size_t i) { return state[i - 1] ^ (state[i - 1] >> 30); };
    for (std::size_t i = 1; i < size; ++i) state[i] = 1812433253u * mixed(i) + static_cast<std::uint32_t>(i);
    std::size_t i = 1;
    auto const next = [&] {
      if (++i == size) {
        state[0] = state[size - 1];
        i = 1;
      }
    };
    for (std::size_t n = 0, k = 0; n < size; ++n, k = (k + 1) % key.size()) {
      state[i] = (state[i] ^ (mixed(i) * 1664525u)) + key[k] + static_cast<std::uint32_t>(k);
      next();
    }
    for (std::size_t n = 1; n < size; ++n) {
      state[i] = (state[i] ^ (mixed(i) * 1566083941u)) - static_cast<std::uint32_t>(i);
      next();
    }
    state[0] = 0x80000000u;
    std::copy(state.begin(), state.end(), begin);
  }
};

}  // namespace detail

/// Python's `random.Random(seed)`, as far as published evaluations draw from it, number for number.
/// Source: CPython 3, Lib/random.py (`sample`, `_randbelow_with_getrandbits`).
class python_random {
 public:
  explicit python_random(std::uint64_t seed) {
    detail::python_seed sequence{seed};
    engine_.seed(sequence);
  }

  /// A whole number in [0, count); count is at least 1 and below 2^32.
  [[nodiscard]] std::size_t below(std::size_t count) {
    auto const bits = std::bit_width(count);
    auto const draw = [&] { return static_cast<std::size_t>(engine_() >> (32 - bits)); };
    auto drawn = draw();
    while (drawn >= count) drawn = draw();
    return drawn;
  }

  /// `random.sample(range(population), count)`; count is at most the population.
  [[nodiscard]] std::vector<std::size_t> sample(std::size_t population, std::size_t count) {
    double few = 21;
    if (count > 5) few += std::pow(4.0, std::ceil(std::log(static_cast<double>(count) * 3) / std::log(4.0)));
    std::vector<std::size_t> drawn;
    if (static_cast<double>(population) <= few) {
      std::vector<std::size_t> pool(population);
      for (std::size_t i = 0; i < population; ++i) pool[i] = i;
      for (std::size_t i = 0; i < count; ++i) {
        auto& one = pool[below(population - i)];
        drawn.push_back(one);
        one = pool[population - i - 1];
      }
      return drawn;
    }
    std::set<std::size_t> taken;
    while (drawn.size() < count)
      if (auto const one = below(population); taken.insert(one).second) drawn.push_back(one);
    return drawn;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace headcount::v0
