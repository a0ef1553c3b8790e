#pragma once

#include <headcount/kernel/cuda/element.cuh>

namespace headcount::v0::cuda {

/// What is known of attention when it is compiled: the format of queries, keys, values and outputs (__nv_bfloat16 or
/// __half), features a head (64, 128 or 256), and query heads that share a key/value head (1 to 16).
template <class Element, int Dim, int Group>
struct shape {
  static_assert(Dim == 64 || Dim == 128 || Dim == 256, "headcount: a head has 64, 128 or 256 features");
  static_assert(Group >= 1 && Group <= 16, "headcount: from 1 to 16 query heads share a key/value head");

  using element_type = Element;
  static constexpr int dim = Dim;
  static constexpr int group = Group;

  // How a warp does it: 8 KB of keys or values at a time, a tile, by tensor cores, for which the heads of a group are
  // rows of a 16 x 16 matrix.
  static constexpr int tile_bytes = 8192;
  static constexpr int tile_keys = tile_bytes / (2 * Dim);
  static constexpr int row_sets = Group > 8 ? 2 : 1;  ///< rows that a lane holds: lane / 4, and 8 more
  static constexpr int key_sets = tile_keys / 8;

  // A tile lies in shared memory as [16 keys][64 features][key][128 bytes], 16-byte pieces swapped so that matrices are
  // read without bank conflicts.
  static constexpr int block_bytes = 32 * Dim;  ///< of 16 keys
  static constexpr int half_bytes = 2048;       ///< of 16 keys, 64 features

  // Stored weights of a tile: 16-bit pairs as matrices want them, words of a lane side by side in vectors of at most 16
  // bytes. Weights are positive: the sign bits of a row's hold the reference that they are relative to.
  static constexpr int weight_lanes = Group > 8 ? 32 : 4 * Group;
  static constexpr int weight_words = row_sets * key_sets;
  static constexpr int weight_bytes = weight_lanes * weight_words * 4;
};

}  // namespace headcount::v0::cuda
