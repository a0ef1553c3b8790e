#pragma once

#include <headcount/kernel/cuda/shape.cuh>

namespace headcount::v0::cuda {

/// What a pass over the cache does.
enum class work : int {
  attend,  ///< keys and values: attention of listed groups
  weigh,   ///< keys: statistics of listed groups, and their weights stored
  sum      ///< values: of listed groups, by stored weights
};

/// A pass's shared memory, in bytes.
template <class Shape, int Warps, work Work, class Copies>
struct pass_layout {
  static constexpr bool with_keys = Work != work::sum, with_values = Work != work::weigh;
  static constexpr int warp_ring = Copies::stages * Shape::tile_bytes;
  static constexpr int weights = Warps * warp_ring;
  static constexpr int stored = with_keys ? 0 : (Shape::weight_bytes + 15) / 16 * 16;
  static constexpr int sums = weights + Warps * Copies::stages * stored;
  static constexpr int sum_row = Shape::dim + 8;
  static constexpr bool sums_in_ring = Shape::row_sets == 2 || Shape::dim > 128;  ///< there is no room beside it
  static constexpr int sum_bytes = Shape::group * sum_row * 4;
  static constexpr bool own_ring = sums_in_ring && sum_bytes <= warp_ring;  ///< a warp's sums in its own part of it
  static constexpr int sum_buffers = own_ring ? Warps : Warps / 2;
  static constexpr int sum_step = own_ring ? warp_ring : sum_bytes;
  static constexpr int queries = sums + (with_values && !sums_in_ring ? sum_buffers * sum_bytes : 0);
  static constexpr int query_row = Shape::dim * 2 + 16;
  static constexpr bool queries_in_shared = with_keys && Shape::dim > 128;
  static constexpr int statistics = queries + (queries_in_shared ? 16 * query_row : 0);
  static constexpr int barriers = statistics + (with_keys ? Warps * 16 * 16 : 0);
  static constexpr int bytes = barriers + Warps * Copies::stages * 8;
  static constexpr int asked = bytes + 1024;  ///< to align the ring

  /// Whether tiles of the next piece are asked for before this one ends: not where its sums need the ring.
  static constexpr bool across_pieces = !(with_values && sums_in_ring);
};

}  // namespace headcount::v0::cuda
