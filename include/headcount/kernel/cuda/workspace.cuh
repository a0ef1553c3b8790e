#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/kernel/cuda/combine.cuh>
#include <headcount/kernel/cuda/launch.cuh>
#include <headcount/kernel/cuda/parameters.cuh>

namespace headcount::v0::cuda {

/// Warps a block: fewer, in more blocks, where a block's sums take long to add up.
template <class Shape>
inline constexpr int default_warps = Shape::row_sets == 2 ? 4 : 8;

/// Into how many shares work is cut at most.
inline constexpr int most_shares = most_pieces;

/// Blocks that run at once: eight warps of a multiprocessor's rings.
[[nodiscard]] inline int slots_of(device_facts const& device, int warps) {
  return std::min(device.multiprocessors * (8 / warps), most_shares);
}

/// Tiles of the longest row: one more where a window may begin inside a tile.
template <class Shape>
[[nodiscard]] int most_tiles(key_value_cache const& cache) {
  constexpr int keys = Shape::tile_keys;
  int const tiles = (cache.longest + keys - 1) / keys;
  return cache.window > 0 ? std::min(tiles, (cache.window + keys - 1) / keys + 1) : tiles;
}

/// Groups that hold a kept head.
template <int Group>
[[nodiscard]] int group_count(head_set const& kept, int kv_heads) {
  int count = 0;
  for (int group = 0; group < kv_heads; ++group)
    for (int head = group * Group; head < (group + 1) * Group; ++head)
      if (kept.contains(static_cast<std::size_t>(head))) {
        ++count;
        break;
      }
  return count;
}

/// Into how many shares, one a block, units of so many tiles are cut at most: as many as run at once, with a tile for
/// every warp, two where that still leaves a share for every multiprocessor, and no more a unit than the device has
/// multiprocessors, as more are slow to add up.
[[nodiscard]] inline int shares_for(int units, int tiles, int slots, int warps, device_facts const& device) {
  std::int64_t const multiprocessors = device.multiprocessors, one_each = std::int64_t{units} * tiles / warps,
                     two_each = std::max(std::min(one_each, multiprocessors), one_each / 2);
  return static_cast<int>(
      std::max<std::int64_t>(1, std::min({std::int64_t{slots}, two_each, std::max(units, 1) * multiprocessors})));
}

/// What rows have in common, where they are alike, and into how many shares the line of all of them is cut.
template <class Shape>
[[nodiscard]] even_rows rows_in_common(key_value_cache const& cache, int batch, int kv_heads, int shares) {
  int const first = cache.window > 0 ? std::max(0, cache.longest - cache.window) / Shape::tile_keys : 0,
            tiles = std::max(0, (cache.longest + Shape::tile_keys - 1) / Shape::tile_keys - first);
  auto const units = static_cast<unsigned>(batch * kv_heads);
  return {.hold = !cache.lengths,
          .first = first,
          .tiles = tiles,
          .shares = even_shares(units, units * static_cast<unsigned>(tiles), static_cast<unsigned>(shares))};
}

/// Whether a pass over all groups writes every output itself, as no unit lies in two shares: known where rows are
/// alike.
template <class Element>
[[nodiscard]] bool all_whole(parameters<Element> const& in) {
  return in.even.hold && in.even.tiles > 0 && static_cast<unsigned>(in.batch * in.kv_heads) % in.even.shares == 0;
}

/// The parts of the workspace, each at a multiple of 256 bytes.
struct workspace_layout {
  std::size_t partial = 0, softmaxes = 0, kept = 0, cells = 0, weights = 0, bytes = 0;
};
template <class Shape>
[[nodiscard]] workspace_layout lay_out(key_value_cache const& cache, int batch, int kv_heads) {
  auto const rounded = [](std::size_t bytes) { return (bytes + 255) / 256 * 256; };
  auto const units = static_cast<std::size_t>(batch) * static_cast<std::size_t>(kv_heads);
  std::size_t const rows = (units + most_shares) * Shape::group;
  workspace_layout at;
  at.partial = rounded(rows * sizeof(float4));
  at.softmaxes = at.partial + rounded(rows * Shape::dim * sizeof(float));
  at.kept = at.softmaxes + rounded(units * Shape::group * sizeof(float2));
  at.cells = at.kept + rounded(static_cast<std::size_t>(batch) * sizeof(head_set));
  at.weights = at.cells + rounded(units * sizeof(int2));
  at.bytes = at.weights + rounded(units * static_cast<std::size_t>(most_tiles<Shape>(cache)) * Shape::weight_bytes);
  return at;
}

/// Bytes of workspace that a call needs at most; of lengths and page tables only `longest` and `window` matter.
template <class Shape>
[[nodiscard]] std::size_t workspace_bytes(key_value_cache const& cache, int batch, int kv_heads) {
  return lay_out<Shape>(cache, batch, kv_heads).bytes;
}

/// What kernels are told of a call. Throws headcount::error when its workspace is too small.
template <class Shape, class Call>
[[nodiscard]] parameters<typename Shape::element_type> prepare(Call const& call) {
  auto const at = lay_out<Shape>(call.cache, call.batch, call.kv_heads);
  if (call.workspace_bytes < at.bytes)
    throw error{"cuda::attend", text_of("a workspace of ", call.workspace_bytes, " bytes"),
                text_of("at least ", at.bytes)};
  if (static_cast<std::size_t>(call.kv_heads * Shape::group) > head_set::capacity())
    throw error{"cuda::attend", text_of(call.kv_heads * Shape::group, " heads"),
                text_of("at most ", head_set::capacity())};
  auto* const memory = static_cast<unsigned char*>(call.workspace);
  parameters<typename Shape::element_type> in;
  in.queries = call.queries;
  in.outputs = call.outputs;
  in.scores = call.scores;
  in.kept_flags = call.kept;
  in.cache = call.cache;
  in.scale = call.scale * std::numbers::log2e_v<float>;
  in.batch = call.batch;
  in.kv_heads = call.kv_heads;
  in.layer = call.layer;
  in.starts_early = call.starts_early;
  in.statistics = reinterpret_cast<float4*>(memory);
  in.partial = reinterpret_cast<float*>(memory + at.partial);
  in.softmaxes = reinterpret_cast<float2*>(memory + at.softmaxes);
  in.kept = reinterpret_cast<head_set*>(memory + at.kept);
  in.cells = reinterpret_cast<int2*>(memory + at.cells);
  in.weights = memory + at.weights;
  return in;
}

}  // namespace headcount::v0::cuda
