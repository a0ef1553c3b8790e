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
/// every warp, and no more a unit than the device has multiprocessors, as more are slow to add up.
[[nodiscard]] inline int shares_for(int units, int tiles, int slots, int warps, device_facts const& device) {
  auto const by_tiles = std::max<std::int64_t>(1, std::int64_t{units} * tiles / warps);
  return static_cast<int>(
      std::min({std::int64_t{slots}, by_tiles, std::int64_t{std::max(units, 1)} * device.multiprocessors}));
}

/// Whether a pass over all groups writes every output itself, as no unit lies in two shares: known where rows are
/// alike.
template <class Shape, class Element>
[[nodiscard]] bool all_whole(parameters<Element> const& in, int shares) {
  auto const units = static_cast<unsigned>(in.batch * in.kv_heads);
  auto const& cache = in.cache;
  int const first = cache.window > 0 && cache.longest > cache.window ? cache.longest - cache.window : 0;
  int const tiles = (cache.longest + Shape::tile_keys - 1) / Shape::tile_keys - first / Shape::tile_keys;
  return !cache.lengths && tiles > 0 &&
         units % even_shares(units, units * static_cast<unsigned>(tiles), static_cast<unsigned>(shares)) == 0;
}

/// The parts of the workspace, each at a multiple of 256 bytes.
struct workspace_layout {
  std::size_t partial = 0, softmaxes = 0, kept = 0, weights = 0, bytes = 0;
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
  at.weights = at.kept + rounded(static_cast<std::size_t>(batch) * sizeof(head_set));
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
  in.statistics = reinterpret_cast<float4*>(memory);
  in.partial = reinterpret_cast<float*>(memory + at.partial);
  in.softmaxes = reinterpret_cast<float2*>(memory + at.softmaxes);
  in.kept = reinterpret_cast<head_set*>(memory + at.kept);
  in.weights = memory + at.weights;
  return in;
}

}  // namespace headcount::v0::cuda
