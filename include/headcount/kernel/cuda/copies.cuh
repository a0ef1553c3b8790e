#pragma once

#include <headcount/kernel/cuda/parameters.cuh>
#include <headcount/kernel/cuda/shape.cuh>

// Two ways to bring tiles into a warp's ring in shared memory. Both leave the same bytes there, so that results are the
// same bit for bit. A way has `stages` slots a warp; a slot is filled by `load`, every warp's slots in turn, and `wait`
// returns when the oldest is there. Slots that nothing more is loaded into are passed by `skip`.

namespace headcount::v0::cuda {

/// Where a tile comes from.
struct tile_source {
  int row = 0;
  int group = 0;  ///< key/value head
  int tile = 0;   ///< of the row: keys from tile * tile_keys on
  bool values = false;
  void const* weights = nullptr;  ///< stored weights of the tile that come with it, or null
};

/// By the tensor copy engine of sm_90 and newer: boxes of 16 keys. Pages hold a multiple of 16 keys, or all of a row's.
template <class Shape, int Stages>
class engine_copies {
 public:
  static constexpr int stages = Stages;
  static constexpr bool by_engine = true;
  static constexpr bool leaves_hidden = true;  ///< keys beyond the visible ones may be there

  __device__ __forceinline__ engine_copies(CUtensorMap const& keys, CUtensorMap const& values, u32 barriers)
      : keys_{&keys}, values_{&values}, barriers_{barriers}, policy_{read_once()} {
    if (threadIdx.x % 32 < stages) barrier_init(barriers_ + threadIdx.x % 32 * 8);
    if (threadIdx.x == 0) prefetch_map(keys_), prefetch_map(values_);
    show_barriers();
    order_copies();
    __syncwarp();
  }

  template <class Element>
  __device__ __forceinline__ void load(parameters<Element> const& in, tile_source const& from, visible_keys const& seen,
                                       int slot, u32 to, u32 weights_to) {
    constexpr int boxes = Shape::tile_keys / 16;
    int const lane = static_cast<int>(threadIdx.x) % 32;
    u32 const barrier = barriers_ + slot * 8;
    if (lane == 0) {
      barrier_expect(barrier, Shape::tile_bytes + (from.weights ? Shape::weight_bytes : 0));
      if (from.weights) load_bytes(weights_to, from.weights, Shape::weight_bytes, barrier);
    }
    if (lane < boxes) {
      int const key = from.tile * Shape::tile_keys + lane * 16;
      bool const any = key < seen.end && key + 16 > seen.first;
      auto const place = any ? place_of(in.cache, from.row, key) : key_place{in.cache.pages, 0};  // no page: zeros
      load_box(to + lane * Shape::block_bytes, from.values ? values_ : keys_, place.key, from.group, place.page,
               barrier, policy_);
    }
  }
  __device__ __forceinline__ void skip() {}
  __device__ __forceinline__ void wait(int slot, u32 phase) { barrier_wait(barriers_ + slot * 8, phase); }

 private:
  CUtensorMap const *keys_, *values_;
  u32 barriers_;
  u64 policy_;
};

/// By the lanes of the warp, 16 bytes at a time, on sm_80 and newer: any page size.
template <class Shape>
class lane_copies {
 public:
  static constexpr int stages = 2;
  static constexpr bool by_engine = false;
  static constexpr bool leaves_hidden = false;

  __device__ __forceinline__ lane_copies(CUtensorMap const&, CUtensorMap const&, u32) {}

  template <class Element>
  __device__ __forceinline__ void load(parameters<Element> const& in, tile_source const& from, visible_keys const& seen,
                                       int, u32 to, u32 weights_to) {
    constexpr int pieces = Shape::dim / 8;  // of 16 bytes a key
    int const lane = static_cast<int>(threadIdx.x) % 32, part = lane % pieces;
    auto const* const base = static_cast<Element const*>(from.values ? in.cache.values : in.cache.keys);
    auto const& cache = in.cache;
#pragma unroll 4
    for (int at = lane / pieces; at < Shape::tile_keys; at += 32 / pieces) {
      int const key = from.tile * Shape::tile_keys + at;
      bool const there = key >= seen.first && key < seen.end;
      auto const* source = base;
      if (there) {
        auto const place = place_of(cache, from.row, key);
        source +=
            place.page * cache.page_stride + from.group * cache.head_stride + place.key * cache.key_stride + part * 8;
      }
      load_sixteen(
          to + at / 16 * Shape::block_bytes + part / 8 * Shape::half_bytes + at % 16 * 128 + ((part % 8 ^ at % 8) << 4),
          source, there);
    }
    if (from.weights)
      for (int at = lane * 16; at < Shape::weight_bytes; at += 512)
        load_sixteen(weights_to + at, static_cast<unsigned char const*>(from.weights) + at, true);
    end_group();
  }
  __device__ __forceinline__ void skip() { end_group(); }
  __device__ __forceinline__ void wait(int, u32) {
    wait_groups<stages - 1>();
    __syncwarp();
  }
};

}  // namespace headcount::v0::cuda
