#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include <headcount/kernel/lanes.hpp>
#include <headcount/kernel/shared_keys.hpp>

namespace headcount::v0::kernel {

/// Values of one key/value head that query heads sum up together, key by key, features side by side.
struct value_block {
  float const* values = nullptr;
  std::ptrdiff_t key_stride = 0;
  std::size_t dim = 0;
};

/// Some of the query heads that share values: their rows of weights, and where their outputs grow.
template <std::size_t Heads>
struct output_tile {
  std::array<float const*, Heads> rows{};  ///< `[key]` each
  std::array<float*, Heads> outputs{};     ///< `[dim]` each
};

/// Adds the values of keys `keys` to every output, each by its weight: of `some` lanes of Vectors
/// times sixteen features from `feature`.
template <std::size_t Heads, std::size_t Vectors, class Some>
inline void add_values(output_tile<Heads> const& tile, value_block const& of, std::size_t feature, Some const& some,
                       stretch keys, std::size_t ahead) noexcept {
  std::array<lanes, Heads * Vectors> sums;
  unrolled<Heads>([&](auto head) {
    unrolled<Vectors>(
        [&](auto at) { some.load(sums[head * Vectors + at], tile.outputs[head] + feature + at * lanes::count); });
  });
  float const* values = of.values + static_cast<std::ptrdiff_t>(keys.begin) * of.key_stride + feature;
  for (auto key = keys.begin; key < keys.end; ++key, values += of.key_stride) {
    if (ahead != 0) ask_for(values + static_cast<std::ptrdiff_t>(ahead) * of.key_stride, Vectors * lanes::count);
    std::array<lanes, Vectors> features;
    unrolled<Vectors>([&](auto at) { some.load(features[at], values + at * lanes::count); });
    unrolled<Heads>([&](auto head) {
      float const weight = tile.rows[head][key];
      unrolled<Vectors>([&](auto at) { add_product(sums[head * Vectors + at], weight, features[at]); });
    });
  }
  unrolled<Heads>([&](auto head) {
    unrolled<Vectors>(
        [&](auto at) { some.store(sums[head * Vectors + at], tile.outputs[head] + feature + at * lanes::count); });
  });
}

/// outputs += sum_key row[key] * values[key] over keys `keys`, of all heads of a tile. Every value is read once.
template <std::size_t Heads>
inline void tile_outputs(output_tile<Heads> const& tile, value_block const& of, stretch keys,
                         std::size_t ahead) noexcept {
  constexpr std::size_t vectors = (std::min)(std::bit_floor(most_sums / Heads), std::size_t{8});
  std::size_t feature = 0;
  for (; feature + vectors * lanes::count <= of.dim; feature += vectors * lanes::count)
    add_values<Heads, vectors>(tile, of, feature, all_lanes{}, keys, ahead);
  for (; feature + lanes::count <= of.dim; feature += lanes::count)
    add_values<Heads, 1>(tile, of, feature, all_lanes{}, keys, ahead);
  if (feature < of.dim) add_values<Heads, 1>(tile, of, feature, first_lanes{of.dim - feature}, keys, ahead);
}

}  // namespace headcount::v0::kernel
