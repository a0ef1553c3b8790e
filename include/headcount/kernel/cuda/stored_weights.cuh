#pragma once

#include <headcount/kernel/cuda/element.cuh>
#include <headcount/kernel/cuda/shape.cuh>

// A tile's weights between the pass over keys and the pass over values: float16 numbers relative to the maximum m that
// the warp had met so far, a whole number between -32768 and 32767 that lies in the sign bits of the row's (positive)
// weights: no other bytes, and whole sectors are written. The second pass rescales them by a power of two, exactly.

namespace headcount::v0::cuda {

/// How many bits of a row's reference a lane's words hold, and where they begin: the four lanes of a row repeat 16
/// bits.
template <class Shape>
inline constexpr int reference_bits = 2 * Shape::key_sets < 16 ? 2 * Shape::key_sets : 16;

/// Whole warp. `weights` `[key set * row_sets + row set]`.
template <class Shape>
__device__ __forceinline__ void store_weights(unsigned char* to, u32 const (&weights)[Shape::weight_words],
                                              int const (&references)[Shape::row_sets]) {
  constexpr int bits = reference_bits<Shape>, sets = Shape::row_sets, words = Shape::weight_words;
  int const lane = static_cast<int>(threadIdx.x) % 32;
  if (lane >= Shape::weight_lanes) return;
  u32 v[words];
#pragma unroll
  for (int r = 0; r < sets; ++r) {
    u32 const mine = static_cast<u32>(references[r]) >> (bits * (lane % 4) % 16);
#pragma unroll
    for (int i = 0; i < Shape::key_sets; ++i) {
      v[i * sets + r] = weights[i * sets + r];
      if (2 * i < bits) v[i * sets + r] |= (mine >> (2 * i) & 1) << 15 | (mine >> (2 * i + 1) & 1) << 31;
    }
  }
  u64 const policy = read_again();
  if constexpr (words == 2) {
    asm volatile("st.global.L2::cache_hint.v2.b32 [%0], {%1,%2}, %3;" ::"l"(to + lane * 8), "r"(v[0]), "r"(v[1]),
                 "l"(policy)
                 : "memory");
  } else {
#pragma unroll
    for (int i = 0; i < words / 4; ++i)
      asm volatile(
          "st.global.L2::cache_hint.v4.b32 [%0], {%1,%2,%3,%4}, %5;" ::"l"(to + (i * Shape::weight_lanes + lane) * 16),
          "r"(v[4 * i]), "r"(v[4 * i + 1]), "r"(v[4 * i + 2]), "r"(v[4 * i + 3]), "l"(policy)
          : "memory");
  }
}

/// Reads them from shared memory, relative to `wanted`, which is at least their reference: `take(word, two weights)`.
/// Whole warp.
template <class Shape, class Take>
__device__ __forceinline__ void read_weights(unsigned char const* from, float const (&wanted)[Shape::row_sets],
                                             Take&& take) {
  constexpr int bits = reference_bits<Shape>, sets = Shape::row_sets, words = Shape::weight_words;
  int const lane = static_cast<int>(threadIdx.x) % 32;
  u32 v[words] = {};
  if (lane < Shape::weight_lanes) {
    if constexpr (words == 2) {
      uint2 const two = reinterpret_cast<uint2 const*>(from)[lane];
      v[0] = two.x, v[1] = two.y;
    } else {
#pragma unroll
      for (int i = 0; i < words / 4; ++i) {
        uint4 const four = reinterpret_cast<uint4 const*>(from)[i * Shape::weight_lanes + lane];
        v[4 * i] = four.x, v[4 * i + 1] = four.y, v[4 * i + 2] = four.z, v[4 * i + 3] = four.w;
      }
    }
  }
#pragma unroll
  for (int r = 0; r < sets; ++r) {
    u32 reference = 0;
#pragma unroll
    for (int i = 0; 2 * i < bits; ++i)
      reference |= (v[i * sets + r] >> 15 & 1) << (2 * i) | (v[i * sets + r] >> 31) << (2 * i + 1);
    reference <<= bits * (lane % 4) % 16;
    if constexpr (bits < 16) reference |= __shfl_xor_sync(~0u, reference, 1);
    if constexpr (bits < 8) reference |= __shfl_xor_sync(~0u, reference, 2);
    float const factor = power_of_two(static_cast<float>(static_cast<short>(reference)) - wanted[r]);
#pragma unroll
    for (int i = 0; i < Shape::key_sets; ++i) {
      float2 const pair = element<__half>::unpack(v[i * sets + r] & 0x7fff7fffu);
      take(i * sets + r, pair.x * factor, pair.y * factor);
    }
  }
}

}  // namespace headcount::v0::cuda
