#pragma once

// The baseline of every benchmark here: reading the bytes, adding them up so that nothing is left out.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <headcount/core/random.hpp>

namespace bench {

/// Adds floats up, sixteen sums side by side, unrolled so that additions do not wait for each other.
inline float read(std::span<float const> values) {
  constexpr std::size_t lanes = 64;
  std::array<float, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += values[i + lane];
  float sum = 0;
  for (auto const one : sums) sum += one;
  for (; i < values.size(); ++i) sum += values[i];
  return sum;
}

/// Registers GROUP/CONTENDER.
template <class Work>
void measure(std::string const& group, std::string const& contender, Work work) {
  benchmark::RegisterBenchmark((group + "/" + contender).c_str(), [work](benchmark::State& state) {
    for (auto _ : state) {
      benchmark::DoNotOptimize(work());
      benchmark::ClobberMemory();
    }
  });
}

/// Numbers in [0, 1).
inline std::vector<float> random_values(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(headcount::uniform_number(1, {}, i));
  return values;
}

}  // namespace bench
