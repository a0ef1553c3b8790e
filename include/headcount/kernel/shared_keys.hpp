#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

#include <headcount/kernel/lanes.hpp>

namespace headcount::v0::kernel {

/// Some of the query heads that share a key/value head, and where their rows are.
template <std::size_t Heads>
struct query_tile {
  std::array<float const*, Heads> queries{};  ///< `[dim]` each
  std::array<float*, Heads> rows{};           ///< `[key]` each
};

/// Asks for what lies `bytes` ahead, so that it is near when the walk comes there; does nothing where there is no such
/// way to ask.
template <class Number>
inline void ask_for(Number const* from, std::size_t count) noexcept {
#if defined(__GNUC__)
  constexpr std::size_t line = 64 / sizeof(Number);
  for (std::size_t i = 0; i < count; i += line) __builtin_prefetch(from + i, 0, 2);
#else
  (void)from, (void)count;
#endif
}

/// Indices from `begin`, before `end`.
struct stretch {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Keys of one key/value head that a tile of query heads meets together.
template <class Number = float>
struct key_block {
  Number const* keys = nullptr;
  std::ptrdiff_t key_stride = 0;
  std::ptrdiff_t feature_stride = 0;  ///< 1, or the key stride is
  std::size_t dim = 0;
  float scale = 1;

  /// Whether features of consecutive keys lie side by side, rather than features of a key.
  [[nodiscard]] bool by_feature() const noexcept { return feature_stride != 1 || key_stride == 1; }
};

/// Logits of Keys keys from `first`, of every query: each a sum in sixteen lanes, as `dot` makes it. Keys whose
/// features lie side by side. `ahead`, keys from there on are asked for, as many.
template <std::size_t Heads, std::size_t Keys, class Number>
inline void dot_keys(query_tile<Heads> const& tile, key_block<Number> const& of, std::size_t first,
                     std::size_t ahead) noexcept {
  std::array<Number const*, Keys> keys;
  for (std::size_t key = 0; key < Keys; ++key)
    keys[key] = of.keys + static_cast<std::ptrdiff_t>(first + key) * of.key_stride;
  auto const add = [&](std::array<lanes, Heads * Keys>& sums, std::size_t i, auto const& some) {
    std::array<lanes, Heads> queries;
    unrolled<Heads>([&](auto head) { some.load(queries[head], tile.queries[head] + i); });
    unrolled<Keys>([&](auto key) {
      lanes features;
      if (ahead != 0) ask_for(keys[key] + i + static_cast<std::ptrdiff_t>(ahead) * of.key_stride, lanes::count);
      some.load(features, keys[key] + i);
      unrolled<Heads>([&](auto head) { add_product(sums[head * Keys + key], queries[head], features); });
    });
  };
  std::array<lanes, Heads * Keys> sums{};
  std::size_t i = 0;
  for (; i + lanes::count <= of.dim; i += lanes::count) add(sums, i, all_lanes{});
  auto whole = sums;  // others may know where this one lies, so that it is in memory
  if (i < of.dim) add(whole, i, first_lanes{of.dim - i});
  std::array<float, Heads * Keys> logits;
  sum_lanes(whole, logits.data());
  for (std::size_t head = 0; head < Heads; ++head)
    for (std::size_t key = 0; key < Keys; ++key) tile.rows[head][first + key] = of.scale * logits[head * Keys + key];
}

/// Logits of keys from `first`, of every query, feature by feature: of `some` lanes of Vectors times sixteen keys. Keys
/// that lie side by side, feature by feature.
template <std::size_t Heads, std::size_t Vectors, class Some>
inline void add_features(query_tile<Heads> const& tile, key_block<> const& of, stretch features, std::size_t first,
                         Some const& some, std::size_t ahead) noexcept {
  std::array<lanes, Heads * Vectors> sums{};
  auto const each_logit = [&](auto const& visit) {
    unrolled<Heads>([&](auto head) {
      unrolled<Vectors>(
          [&](auto at) { visit(sums[head * Vectors + at], tile.rows[head] + first + at * lanes::count); });
    });
  };
  if (features.begin > 0) each_logit([&](lanes& sum, float* logits) { some.load(sum, logits); });
  float const* keys = of.keys + static_cast<std::ptrdiff_t>(features.begin) * of.feature_stride + first;
  for (std::size_t i = features.begin; i < features.end; ++i, keys += of.feature_stride) {
    if (ahead != 0) ask_for(keys + ahead, Vectors * lanes::count);
    std::array<lanes, Vectors> values;
    unrolled<Vectors>([&](auto at) { some.load(values[at], keys + at * lanes::count); });
    unrolled<Heads>([&](auto head) {
      float const query = tile.queries[head][i];
      unrolled<Vectors>([&](auto at) { add_product(sums[head * Vectors + at], query, values[at]); });
    });
  }
  each_logit([&](lanes& sum, float* logits) {
    if (features.end == of.dim) multiply(sum, of.scale);
    some.store(sum, logits);
  });
}

/// Walks some keys for all queries of a tile, some features of them: logits grow in their rows, scale * query .
/// key once the last features were there. Every key is read once.
template <std::size_t Heads>
inline void tile_logits(query_tile<Heads> const& tile, key_block<> const& of, stretch features, stretch keys,
                        std::size_t ahead) noexcept {
  auto key = keys.begin;
  if (!of.by_feature()) {
    constexpr std::size_t rows = (std::min)(std::bit_floor(most_sums / Heads), std::size_t{8});
    for (; key + rows <= keys.end; key += rows) dot_keys<Heads, rows>(tile, of, key, ahead);
    for (; key < keys.end; ++key) dot_keys<Heads, 1>(tile, of, key, ahead);
  } else {
    constexpr std::size_t vectors = (std::min)(std::bit_floor(most_sums / Heads), std::size_t{4});
    for (; key + vectors * lanes::count <= keys.end; key += vectors * lanes::count)
      add_features<Heads, vectors>(tile, of, features, key, all_lanes{}, ahead);
    for (; key + lanes::count <= keys.end; key += lanes::count)
      add_features<Heads, 1>(tile, of, features, key, all_lanes{}, 0);
    if (key < keys.end) add_features<Heads, 1>(tile, of, features, key, first_lanes{keys.end - key}, 0);
  }
}

}  // namespace headcount::v0::kernel
