#pragma once

#include <headcount/kernel/cuda/join.cuh>
#include <headcount/kernel/cuda/products.cuh>
#include <headcount/kernel/cuda/ring.cuh>
#include <headcount/kernel/cuda/stored_weights.cuh>

namespace headcount::v0::cuda {

/// Takes a tile's logits into a row's running softmax: every maximum grows to a whole number that is no smaller, by
/// which `shrink(row set, factor)` is told to rescale what was summed so far. Whole warp.
template <class Shape, class Sum, class Shrink>
__device__ __forceinline__ void raise_maxima(float const (&x)[Shape::row_sets][Shape::key_sets][2],
                                             statistic<Sum> (&sums)[Shape::row_sets], Shrink&& shrink) {
  bool changed = false;
  float drop[Shape::row_sets];
#pragma unroll
  for (int r = 0; r < Shape::row_sets; ++r) {
    float largest = statistic<Sum>::none;
#pragma unroll
    for (int n = 0; n < Shape::key_sets; ++n) largest = fmaxf(largest, fmaxf(x[r][n][0], x[r][n][1]));
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 2));
    float const before = sums[r].m;
    if (largest > before) sums[r].m = ceilf(largest), changed = true;
    drop[r] = before - sums[r].m;
  }
  if (!__any_sync(~0u, changed)) return;
#pragma unroll
  for (int r = 0; r < Shape::row_sets; ++r) {
    float const by = power_of_two(drop[r]);
    sums[r].t = Sum::rescaled(sums[r].t, sums[r].z, drop[r], by);
    sums[r].z *= by;
    shrink(r, by);
  }
}

/// Zeroes a tile's keys that are not visible: what may be there, NaN among it, must not meet the weight 0. Whole warp.
template <class Shape>
__device__ __forceinline__ void clear_hidden(unsigned char* tile, int hidden_before, int left) {
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x) % 32; i < Shape::tile_keys * (Shape::dim / 8); i += 32) {
    int const key = i / (Shape::dim / 8), chunk = i % (Shape::dim / 8);
    if (key < hidden_before || key >= left)
      *reinterpret_cast<uint4*>(tile + key / 16 * Shape::block_bytes + chunk / 8 * Shape::half_bytes + key % 16 * 128 +
                                chunk % 8 * 16) = uint4{};
  }
  order_copies();
  __syncwarp();
}

/// One pass over the listed groups, a share a block. Every warp is on its own until a piece ends: it takes every
/// Warps-th tile of the piece through a ring of its own, and asks for the next tile as soon as it has read one. Pieces
/// that are whole units write their outputs, others their part of the sums. O(visible keys * dim) of listed groups.
/// Source: Dao et al. 2022, arXiv 2205.14135; the split over keys, Dao et al. 2023 (flash decoding).
template <class Line, class Shape, int Warps, work Work, class Sum, class Copies>
__global__ void __launch_bounds__(Warps * 32, Warps == 4 ? 2 : 1)
    pass(__grid_constant__ CUtensorMap const key_map, __grid_constant__ CUtensorMap const value_map,
         __grid_constant__ parameters<typename Shape::element_type> const in) {
  using at = pass_layout<Shape, Warps, Work, Copies>;
  constexpr int dim = Shape::dim, group = Shape::group, row_sets = Shape::row_sets, key_sets = Shape::key_sets;
  constexpr bool rests_in_rows = at::with_values && tile_weights<Shape>::with_rests && row_sets == 1;
  extern __shared__ unsigned char raw[];
  unsigned char* const memory = raw + (1024 - shared_address(raw) % 1024) % 1024;
  int const warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32, quad = lane / 4,
            part = lane % 4, heads = in.kv_heads * group;
  auto* const statistics = reinterpret_cast<float4*>(memory + at::statistics);

  // The next kernel may start once this one's predecessor has ended: it counts on what came before both.
  Copies const copies{key_map, value_map, shared_address(memory + at::barriers) + warp * Copies::stages * 8};
  if constexpr (!Line::known) wait_for_previous(), let_next_start();
  int const share = static_cast<int>(blockIdx.x);
  Line const line{in, static_cast<int>(gridDim.x)};
  share_walk<Line> walk{in, line, share};
  tile_ring<Shape, Warps, Work, Copies, Line> ring{
      in, line, copies, walk, memory + warp * at::warp_ring, memory + at::weights + warp * Copies::stages * at::stored};
  if constexpr (Line::known) wait_for_previous(), let_next_start();
  if (line.empty()) return;

  if constexpr (at::across_pieces) ring.fill();
#pragma unroll 1
  while (true) {
    piece const here = walk.next(in, line);
    if (here.row < 0) break;
    auto const seen = visible(in.cache, here.row);
    if constexpr (!at::across_pieces) {
      ring.open(here);
      ring.fill();
    }
    int const first_head = here.row * heads + here.group * group;
    std::int64_t const first_feature = static_cast<std::int64_t>(first_head) * dim;
    group_queries<Shape, at::queries_in_shared> queries;
    if constexpr (at::with_keys) queries.load(in.queries + first_feature, memory + at::queries, Warps * 32);
    float o[at::with_values ? dim / 8 : 1][4] = {};
    auto const shrink = [&](int r, float by) {
      if constexpr (at::with_values) {
#pragma unroll
        for (int n = 0; n < dim / 8; ++n) {
          o[n][2 * r] *= by, o[n][2 * r + 1] *= by;
          if constexpr (rests_in_rows) o[n][2] *= by, o[n][3] *= by;
        }
      }
    };
    statistic<Sum> sums[row_sets];
    if constexpr (!at::with_keys)  // weights are wanted relative to the whole row's maximum
      for (int r = 0; r < row_sets; ++r)
        sums[r].m = quad + 8 * r < group ? __ldcg(in.softmaxes + first_head + quad + 8 * r).x : 0;

#pragma unroll 1
    for (int tile = here.first + warp; tile < here.end; tile += Warps) {
      tile_weights<Shape> weights;
      int const hidden_before = seen.first - tile * Shape::tile_keys, left = seen.end - tile * Shape::tile_keys;
      bool const edge = hidden_before > 0 || left < Shape::tile_keys;
      if constexpr (at::with_keys) {
        float x[row_sets][key_sets][2];
        queries.times_keys(ring.wait(), x);
        ring.free();
#pragma unroll
        for (int r = 0; r < row_sets; ++r)
#pragma unroll
          for (int n = 0; n < key_sets; ++n) x[r][n][0] *= in.scale, x[r][n][1] *= in.scale;
        if (edge) {
#pragma unroll
          for (int r = 0; r < row_sets; ++r)
#pragma unroll
            for (int n = 0; n < key_sets; ++n)
#pragma unroll
              for (int e = 0; e < 2; ++e) {
                int const key = n * 8 + 2 * part + e;
                if (key < hidden_before || key >= left) x[r][n][e] = statistic<Sum>::none;
              }
        }
        raise_maxima<Shape>(x, sums, shrink);
#pragma unroll
        for (int r = 0; r < row_sets; ++r)
#pragma unroll
          for (int n = 0; n < key_sets; ++n) {
            float const d0 = x[r][n][0] - sums[r].m, d1 = x[r][n][1] - sums[r].m;
            float const p0 = power_of_two(d0), p1 = power_of_two(d1);
            sums[r].z += p0 + p1;
            sums[r].t = Sum::add(Sum::add(sums[r].t, p1, d1, x[r][n][1]), p0, d0, x[r][n][0]);
            if constexpr (Work == work::weigh) weights.words[n * row_sets + r] = element<__half>::pack(p0, p1);
            else weights.keep(n * row_sets + r, p0, p1);
          }
        if constexpr (Work == work::weigh) {
          int references[row_sets];
          for (int r = 0; r < row_sets; ++r) references[r] = static_cast<int>(sums[r].m);
          store_weights<Shape>(in.weights + (static_cast<std::int64_t>(here.stored) + tile) * Shape::weight_bytes,
                               weights.words, references);
        }
      }
      if constexpr (at::with_values) {
        unsigned char* const values = ring.wait();
        if constexpr (!at::with_keys) {
          float wanted[row_sets];
          for (int r = 0; r < row_sets; ++r) wanted[r] = sums[r].m;
          read_weights<Shape>(ring.weights(), wanted, [&](int word, float a, float b) { weights.keep(word, a, b); });
        }
        if constexpr (Copies::leaves_hidden)
          if (edge) clear_hidden<Shape>(values, hidden_before, left);
        add_values<Shape>(o, weights, values);
        ring.free();
      }
    }

    int const cell = here.unit + share;
    if constexpr (!Line::known)
      if (here.shares > 0 && threadIdx.x == 0) in.cells[here.row * in.kv_heads + here.group] = {cell, here.shares};
    if constexpr (at::with_keys)
      join_statistics<Shape, Warps>(sums, statistics, in.statistics + static_cast<std::int64_t>(cell) * group);
    if constexpr (at::with_values) {
#pragma unroll
      for (int r = 0; r < row_sets; ++r) {
        int const row = quad + 8 * r;
        float by = 1;
        if constexpr (at::with_keys) by = factor_among_warps<Warps>(statistics, row, sums[r].m, here.whole());
        else if (here.whole()) by = row < group ? 1 / __ldcg(in.softmaxes + first_head + row).y : 0;
#pragma unroll
        for (int n = 0; n < dim / 8; ++n) {
          if constexpr (rests_in_rows) o[n][0] += o[n][2], o[n][1] += o[n][3];
          o[n][2 * r] *= by, o[n][2 * r + 1] *= by;
        }
      }
      join_sums<Shape, at, Warps>(o, memory, here.whole(), in.outputs + first_feature,
                                  in.partial + static_cast<std::int64_t>(cell) * group * dim);
    }
    __syncthreads();
  }
}

}  // namespace headcount::v0::cuda
