#include "machine.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/parallel.hpp>

namespace tool {
namespace {

using namespace headcount;

/// The seconds of the fastest of a few calls.
template <class Work>
double least_seconds_of(Work const& work) {
  double least = 0;
  for (int attempt = 0; attempt < 4; ++attempt) {
    auto const begin = std::chrono::steady_clock::now();
    work();
    std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - begin;
    least = attempt == 0 ? seconds.count() : std::min(least, seconds.count());
  }
  return least;
}

}  // namespace

evaluate::machine_rates measure_machine() {
  constexpr std::size_t parts = 64;
  constexpr std::size_t numbers = std::size_t{1} << 21;  // a part: 8 MiB
  std::vector<float> block(parts * numbers, 1.0f);
  std::vector<float> sums(parts);
  auto const reading = least_seconds_of([&] {
    reference::for_each_index(parts, [&](std::size_t part) {
      sums[part] = Eigen::Map<Eigen::ArrayXf const>{block.data() + part * numbers, reference::index(numbers)}.sum();
    });
  });

  constexpr Eigen::Index size = 512;
  std::size_t const products = 2 * reference::thread_count();
  reference::matrix const a = reference::matrix::Constant(size, size, 0.5f);
  std::vector<reference::matrix> results(products, reference::matrix(size, size));
  auto const computing = least_seconds_of(
      [&] { reference::for_each_index(products, [&](std::size_t i) { results[i].noalias() = a * a; }); });
  return {.bandwidth = static_cast<double>(block.size() * sizeof(float)) / reading,
          .flops = static_cast<double>(products * 2 * size * size * size) / computing};
}

}  // namespace tool
