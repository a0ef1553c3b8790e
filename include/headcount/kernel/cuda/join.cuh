#pragma once

#include <headcount/kernel/cuda/pass_layout.cuh>
#include <headcount/kernel/cuda/shares.cuh>
#include <headcount/kernel/cuda/statistic.cuh>

// The end of a piece: what the warps of a block have of it becomes one. Whole block, in shared memory.

namespace headcount::v0::cuda {

/// Leaves every warp's statistics in `shared` [warp, 16 rows], and theirs together in `to` [head of group].
template <class Shape, int Warps, class Sum>
__device__ __forceinline__ void join_statistics(statistic<Sum> (&own)[Shape::row_sets], float4* shared, float4* to) {
  int const thread = static_cast<int>(threadIdx.x), lane = thread % 32;
#pragma unroll
  for (int r = 0; r < Shape::row_sets; ++r) {
    for (int apart = 1; apart < 4; apart *= 2) {
      own[r].z += __shfl_xor_sync(~0u, own[r].z, apart);
      own[r].t = Sum::joined(own[r].t, __shfl_xor_sync(~0u, own[r].t, apart));
    }
    if (lane % 4 == 0) shared[thread / 32 * 16 + lane / 4 + 8 * r] = own[r].stored();
  }
  __syncthreads();
  if (thread < Shape::group) {
    statistic<Sum> whole;
#pragma unroll 1
    for (int w = 0; w < Warps; ++w) whole.add(statistic<Sum>{shared[w * 16 + thread]});
    to[thread] = whole.stored();
  }
}

/// What a warp's sums of a row are to be multiplied with, so that all warps' are relative to the same maximum; where
/// the piece is a whole unit, normalised, too.
template <int Warps>
[[nodiscard]] __device__ __forceinline__ float factor_among_warps(float4 const* shared, int row, float own_maximum,
                                                                  bool whole) {
  float largest = own_maximum;
  for (int w = 0; w < Warps; ++w) largest = fmaxf(largest, shared[w * 16 + row].x);
  float const by = power_of_two(own_maximum - largest);
  if (!whole) return by;
  float z = 0;
  for (int w = 0; w < Warps; ++w) {
    float4 const v = shared[w * 16 + row];
    z += v.y * power_of_two(v.x - largest);
  }
  return by / z;
}

/// Adds the warps' sums `[8 features][2 * row set, and the next]` and writes them: `outputs` [head of group, dim] where
/// the piece is whole, otherwise `partial`.
template <class Shape, class Layout, int Warps>
__device__ __forceinline__ void join_sums(float (&sums)[Shape::dim / 8][4], unsigned char* memory, bool whole,
                                          typename Shape::element_type* outputs, float* partial) {
  using number = element<typename Shape::element_type>;
  constexpr int dim = Shape::dim, group = Shape::group, buffers = Layout::sum_buffers;
  int const thread = static_cast<int>(threadIdx.x), warp = thread / 32, quad = thread % 32 / 4, part = thread % 4;
  auto const buffer = [&](int w) {
    return reinterpret_cast<float*>(memory + (Layout::sums_in_ring ? 0 : Layout::sums) + w * Layout::sum_step);
  };
  auto const each = [&](float* to, auto&& f) {
#pragma unroll
    for (int r = 0; r < Shape::row_sets; ++r)
      if (quad + 8 * r < group)
#pragma unroll
        for (int n = 0; n < dim / 8; ++n)
          f(*reinterpret_cast<float2*>(to + (quad + 8 * r) * Layout::sum_row + n * 8 + 2 * part), sums[n][2 * r],
            sums[n][2 * r + 1]);
  };
  if constexpr (Layout::sums_in_ring && !Layout::own_ring && !Layout::with_keys) __syncthreads();
  if (warp >= Warps - buffers)
    each(buffer(warp - (Warps - buffers)), [](float2& to, float a, float b) { to = {a, b}; });
  __syncthreads();
  if constexpr (buffers < Warps) {
    if (warp < buffers) each(buffer(warp), [](float2& to, float a, float b) { to = {to.x + a, to.y + b}; });
    __syncthreads();
  }
#pragma unroll 1
  for (int i = thread; i < group * dim / 4; i += Warps * 32) {
    int const row = i / (dim / 4), feature = i % (dim / 4) * 4;
    float4 sum{};
#pragma unroll
    for (int w = 0; w < buffers; ++w) {
      float4 const v = *reinterpret_cast<float4 const*>(buffer(w) + row * Layout::sum_row + feature);
      sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
    }
    if (whole)
      *reinterpret_cast<uint2*>(outputs + row * dim + feature) = {number::pack(sum.x, sum.y),
                                                                  number::pack(sum.z, sum.w)};
    else *reinterpret_cast<float4*>(partial + row * dim + feature) = sum;
  }
  if constexpr (Layout::sums_in_ring) order_copies();
}

}  // namespace headcount::v0::cuda
