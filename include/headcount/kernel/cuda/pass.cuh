#pragma once

#include <headcount/kernel/cuda/copies.cuh>
#include <headcount/kernel/cuda/parameters.cuh>
#include <headcount/kernel/cuda/shape.cuh>
#include <headcount/kernel/cuda/shares.cuh>
#include <headcount/kernel/cuda/statistic.cuh>
#include <headcount/kernel/cuda/stored_weights.cuh>

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
};

/// One pass over the listed groups, a share a block. Every warp is on its own until a piece ends: it takes every
/// Warps-th tile of the piece through a ring of its own, and asks for the next tile as soon as it has read one. Pieces
/// that are whole units write their outputs, others their part of the sums. O(visible keys * dim) of listed groups.
/// Source: Dao et al. 2022, arXiv 2205.14135; the split over keys, Dao et al. 2023 (flash decoding).
template <class Shape, int Warps, work Work, class Sum, class Copies>
__global__ void __launch_bounds__(Warps * 32, Warps == 4 ? 2 : 1)
    pass(__grid_constant__ CUtensorMap const key_map, __grid_constant__ CUtensorMap const value_map,
         __grid_constant__ parameters<typename Shape::element_type> const in) {
  using Element = typename Shape::element_type;
  using number = element<Element>;
  using at = pass_layout<Shape, Warps, Work, Copies>;
  constexpr int dim = Shape::dim, heads_in_group = Shape::group, row_sets = Shape::row_sets, key_sets = Shape::key_sets;
  constexpr int steps = dim / 16;
  constexpr bool with_rests = at::with_values && number::coarse;
  constexpr bool across_units =
      !(at::with_values && at::sums_in_ring);  // whether tiles of the next are asked for early
  extern __shared__ unsigned char raw[];
  unsigned char* const memory = raw + (1024 - shared_address(raw) % 1024) % 1024;
  int const warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32, quad = lane / 4,
            part = lane % 4;
  unsigned char* const ring_memory = memory + warp * at::warp_ring;
  unsigned char* const weights_memory = memory + at::weights + warp * Copies::stages * at::stored;
  u32 const ring = shared_address(ring_memory);
  auto* const statistics = reinterpret_cast<float4*>(memory + at::statistics);
  int const heads = in.kv_heads * heads_in_group;

  Copies copies{key_map, value_map, shared_address(memory + at::barriers) + warp * Copies::stages * 8};
  if constexpr (Work != work::sum) let_next_start();
  wait_for_previous();
  if constexpr (Work == work::sum) let_next_start();  // which then knows the heads that are kept

  int const share = static_cast<int>(blockIdx.x);
  work_line<Shape, Element> const line{in, static_cast<int>(gridDim.x)};
  if (line.empty()) return;

  // The loading side: which tile comes next, into which slot.
  share_walk<Shape, Element> walk{in, line, share};
  auto ahead = walk;
  piece next{.row = 0};
  visible_keys next_seen;
  int next_tile = 0, next_slot = 0;
  bool next_values = !at::with_keys;
  auto const open = [&](piece const& one) {
    next = one;
    next_tile = next.first + warp;
    if (next.row >= 0) next_seen = visible(in.cache, next.row);
  };
  auto const load_next = [&] {
    if constexpr (across_units)
#pragma unroll 1
      while (next_tile >= next.end && next.row >= 0) open(ahead.next(in));
    if (next_tile >= next.end) return copies.skip();
    tile_source const from{
        .row = next.row,
        .group = next.group,
        .tile = next_tile,
        .values = next_values,
        .weights = at::with_keys
                       ? nullptr
                       : in.weights + (static_cast<std::int64_t>(next.stored) + next_tile) * Shape::weight_bytes};
    copies.load(in, from, next_seen, next_slot, ring + next_slot * Shape::tile_bytes,
                shared_address(weights_memory) + next_slot * at::stored);
    next_slot = next_slot + 1 == Copies::stages ? 0 : next_slot + 1;
    if constexpr (at::with_keys && at::with_values) {
      next_values = !next_values;
      if (next_values) return;
    }
    next_tile += Warps;
  };
  int slot = 0;
  u32 phase = 0;
  auto const free_tile = [&] {
    __syncwarp();
    load_next();
    if (++slot == Copies::stages) slot = 0, phase ^= 1;
  };
  auto const fill_ring = [&] {
#pragma unroll 1
    for (int i = 0; i < Copies::stages; ++i) load_next();
  };

  // Where this lane's rows of 8 x 8 matrices begin in 16 keys, and features 16 * step on from there.
  u32 const key_lane = (((lane >> 4) * 8 + lane % 8) * 128) + (((lane >> 3 & 1) ^ lane % 8) << 4);
  u32 const value_lane = (((lane >> 3 & 1) * 8 + lane % 8) * 128) + (((lane >> 4) ^ lane % 8) << 4);
  auto const column = [](u32 base, int step) { return (base ^ (step & 3) << 5) + (step >> 2) * Shape::half_bytes; };

  if constexpr (across_units) fill_ring();
#pragma unroll 1
  while (true) {
    piece const here = walk.next(in);
    if (here.row < 0) break;
    auto const seen = visible(in.cache, here.row);
    if constexpr (!across_units) {
      open(here);
      fill_ring();
    }
    int const first_head = here.row * heads + here.group * heads_in_group;
    u32 query[at::with_keys && !at::queries_in_shared ? steps : 1][4];
    if constexpr (at::with_keys) {
      auto const* const from = in.queries + static_cast<std::int64_t>(first_head) * dim;
      if constexpr (at::queries_in_shared) {
        for (int i = static_cast<int>(threadIdx.x); i < 16 * dim / 8; i += Warps * 32) {
          int const row = i / (dim / 8), chunk = i % (dim / 8);
          *reinterpret_cast<uint4*>(memory + at::queries + row * at::query_row + chunk * 16) =
              row < heads_in_group ? __ldg(reinterpret_cast<uint4 const*>(from + row * dim) + chunk) : uint4{};
        }
        __syncthreads();
      } else {
        auto const pair = [&](int row, int column) {
          return row < heads_in_group ? __ldg(reinterpret_cast<u32 const*>(from + row * dim + column)) : 0u;
        };
#pragma unroll
        for (int step = 0; step < steps; ++step) {
          int const column = step * 16 + 2 * part;
          query[step][0] = pair(quad, column);
          query[step][1] = row_sets == 2 ? pair(quad + 8, column) : 0;
          query[step][2] = pair(quad, column + 8);
          query[step][3] = row_sets == 2 ? pair(quad + 8, column + 8) : 0;
        }
      }
    }
    float o[at::with_values ? dim / 8 : 1][4];
    if constexpr (at::with_values)
      for (auto& tile : o)
        for (auto& x : tile) x = 0;
    statistic<Sum> sums[row_sets];
    if constexpr (!at::with_keys)  // weights are wanted relative to the whole row's maximum
      for (int r = 0; r < row_sets; ++r)
        sums[r].m = quad + 8 * r < heads_in_group ? __ldcg(in.softmaxes + first_head + quad + 8 * r).x : 0;

#pragma unroll 1
    for (int tile = here.first + warp; tile < here.end; tile += Warps) {
      // Weights as a matrix product reads them; of coarse numbers, what cutting left of them, too.
      u32 weights[row_sets * key_sets], rests[with_rests ? row_sets * key_sets : 1];
      auto const keep_weights = [&](int word, float first, float second) {
        if constexpr (with_rests) number::split(first, second, weights[word], rests[word]);
        else weights[word] = number::pack(first, second);
      };
      int const hidden_before = seen.first - tile * Shape::tile_keys, left = seen.end - tile * Shape::tile_keys;
      bool const edge = hidden_before > 0 || left < Shape::tile_keys;
      if constexpr (at::with_keys) {
        float x[row_sets][key_sets][2];
        {
          float s[2][key_sets][4] = {};
          copies.wait(slot, phase);
          u32 const base = ring + slot * Shape::tile_bytes + key_lane;
#pragma unroll
          for (int step = 0; step < steps; ++step) {
            u32 const from = column(base, step);
            u32 a[4];
            if constexpr (at::queries_in_shared) {
              load_matrices(a, shared_address(memory + at::queries) + ((lane >> 3 & 1) * 8 + lane % 8) * at::query_row +
                                   step * 32 + (lane >> 4) * 16);
            } else {
              for (int i = 0; i < 4; ++i) a[i] = query[step][i];
            }
#pragma unroll
            for (int pair = 0; pair < key_sets / 2; ++pair) {
              u32 b[4];
              load_matrices(b, from + pair * Shape::block_bytes);
              number::multiply(s[step & 1][2 * pair], a, b[0], b[1]);
              number::multiply(s[step & 1][2 * pair + 1], a, b[2], b[3]);
            }
          }
          free_tile();
#pragma unroll
          for (int r = 0; r < row_sets; ++r)
#pragma unroll
            for (int n = 0; n < key_sets; ++n)
#pragma unroll
              for (int e = 0; e < 2; ++e) x[r][n][e] = (s[0][n][2 * r + e] + s[1][n][2 * r + e]) * in.scale;
        }
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
        bool changed = false;
        float drop[row_sets];
#pragma unroll
        for (int r = 0; r < row_sets; ++r) {
          float largest = statistic<Sum>::none;
#pragma unroll
          for (int n = 0; n < key_sets; ++n) largest = fmaxf(largest, fmaxf(x[r][n][0], x[r][n][1]));
          largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 1));
          largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 2));
          float const before = sums[r].m;
          if (largest > before) sums[r].m = ceilf(largest), changed = true;
          drop[r] = before - sums[r].m;
        }
        if (__any_sync(~0u, changed)) {
#pragma unroll
          for (int r = 0; r < row_sets; ++r) {
            float const by = power_of_two(drop[r]);
            sums[r].t = Sum::rescaled(sums[r].t, sums[r].z, drop[r], by);
            sums[r].z *= by;
            if constexpr (at::with_values)
#pragma unroll
              for (int n = 0; n < dim / 8; ++n) {
                o[n][2 * r] *= by, o[n][2 * r + 1] *= by;
                if constexpr (with_rests && row_sets == 1) o[n][2] *= by, o[n][3] *= by;
              }
          }
        }
#pragma unroll
        for (int r = 0; r < row_sets; ++r)
#pragma unroll
          for (int n = 0; n < key_sets; ++n) {
            float const d0 = x[r][n][0] - sums[r].m, d1 = x[r][n][1] - sums[r].m;
            float const p0 = power_of_two(d0), p1 = power_of_two(d1);
            sums[r].z += p0 + p1;
            sums[r].t = Sum::add(Sum::add(sums[r].t, p1, d1, x[r][n][1]), p0, d0, x[r][n][0]);
            if constexpr (Work == work::weigh) weights[n * row_sets + r] = element<__half>::pack(p0, p1);
            else keep_weights(n * row_sets + r, p0, p1);
          }
        if constexpr (Work == work::weigh) {
          int references[row_sets];
          for (int r = 0; r < row_sets; ++r) references[r] = static_cast<int>(sums[r].m);
          store_weights<Shape>(in.weights + (static_cast<std::int64_t>(here.stored) + tile) * Shape::weight_bytes,
                               weights, references);
        }
      }
      if constexpr (at::with_values) {
        copies.wait(slot, phase);
        unsigned char* const values = ring_memory + slot * Shape::tile_bytes;
        if constexpr (!at::with_keys) {
          float wanted[row_sets];
          for (int r = 0; r < row_sets; ++r) wanted[r] = sums[r].m;
          read_weights<Shape>(weights_memory + slot * at::stored, wanted, keep_weights);
        }
        if constexpr (Copies::leaves_hidden)
          if (edge) {  // what may be there, NaN among it, must not meet the weight 0
#pragma unroll 1
            for (int i = lane; i < Shape::tile_keys * (dim / 8); i += 32) {
              int const key = i / (dim / 8), chunk = i % (dim / 8);
              if (key < hidden_before || key >= left)
                *reinterpret_cast<uint4*>(values + key / 16 * Shape::block_bytes + chunk / 8 * Shape::half_bytes +
                                          key % 16 * 128 + chunk % 8 * 16) = uint4{};
            }
            order_copies();
            __syncwarp();
          }
        u32 const base = shared_address(values) + value_lane;
#pragma unroll
        for (int block = 0; block < key_sets / 2; ++block) {
          u32 a[4], rest[4];
          if constexpr (row_sets == 1) {
            a[0] = weights[2 * block], a[2] = weights[2 * block + 1];
            a[1] = with_rests ? rests[2 * block] : 0, a[3] = with_rests ? rests[2 * block + 1] : 0;  // rows to spare
          } else {
            for (int i = 0; i < 4; ++i) a[i] = weights[4 * block + i], rest[i] = with_rests ? rests[4 * block + i] : 0;
          }
#pragma unroll
          for (int step = 0; step < steps; ++step) {
            u32 b[4];
            load_transposed(b, column(base, step) + block * Shape::block_bytes);
            number::multiply(o[2 * step], a, b[0], b[1]);
            number::multiply(o[2 * step + 1], a, b[2], b[3]);
            if constexpr (with_rests && row_sets == 2) {
              number::multiply(o[2 * step], rest, b[0], b[1]);
              number::multiply(o[2 * step + 1], rest, b[2], b[3]);
            }
          }
        }
        free_tile();
      }
    }

    // The warps' results together.
    if constexpr (at::with_values && with_rests && row_sets == 1)
#pragma unroll
      for (int n = 0; n < dim / 8; ++n) o[n][0] += o[n][2], o[n][1] += o[n][3];
    int const cell = here.unit + share;
    if constexpr (at::with_keys) {
#pragma unroll
      for (int r = 0; r < row_sets; ++r) {
        for (int apart = 1; apart < 4; apart *= 2) {
          sums[r].z += __shfl_xor_sync(~0u, sums[r].z, apart);
          sums[r].t = Sum::joined(sums[r].t, __shfl_xor_sync(~0u, sums[r].t, apart));
        }
        if (part == 0) statistics[warp * 16 + quad + 8 * r] = sums[r].stored();
      }
      __syncthreads();
      if (static_cast<int>(threadIdx.x) < heads_in_group) {
        statistic<Sum> whole;
#pragma unroll 1
        for (int w = 0; w < Warps; ++w) whole.add(statistic<Sum>{statistics[w * 16 + threadIdx.x]});
        in.statistics[static_cast<std::int64_t>(cell) * heads_in_group + threadIdx.x] = whole.stored();
      }
    }
    if constexpr (at::with_values) {
#pragma unroll
      for (int r = 0; r < row_sets; ++r) {
        float by = 1;
        if constexpr (at::with_keys) {
          float largest = statistic<Sum>::none;
          for (int w = 0; w < Warps; ++w) largest = fmaxf(largest, statistics[w * 16 + quad + 8 * r].x);
          by = power_of_two(sums[r].m - largest);
          if (here.whole) {
            float z = 0;
            for (int w = 0; w < Warps; ++w) {
              float4 const v = statistics[w * 16 + quad + 8 * r];
              z += v.y * power_of_two(v.x - largest);
            }
            by /= z;
          }
        } else if (here.whole) {
          by = quad + 8 * r < heads_in_group ? 1 / __ldcg(in.softmaxes + first_head + quad + 8 * r).y : 0;
        }
#pragma unroll
        for (int n = 0; n < dim / 8; ++n) o[n][2 * r] *= by, o[n][2 * r + 1] *= by;
      }
      auto const buffer = [&](int w) {
        return reinterpret_cast<float*>(memory + (at::sums_in_ring ? 0 : at::sums) + w * at::sum_step);
      };
      if constexpr (at::sums_in_ring && !at::own_ring && !at::with_keys) __syncthreads();
      auto const each = [&](float* to, auto&& f) {
#pragma unroll
        for (int r = 0; r < row_sets; ++r)
          if (quad + 8 * r < heads_in_group)
#pragma unroll
            for (int n = 0; n < dim / 8; ++n)
              f(*reinterpret_cast<float2*>(to + (quad + 8 * r) * at::sum_row + n * 8 + 2 * part), o[n][2 * r],
                o[n][2 * r + 1]);
      };
      constexpr int buffers = at::sum_buffers;
      if (warp >= Warps - buffers)
        each(buffer(warp - (Warps - buffers)), [](float2& to, float a, float b) { to = {a, b}; });
      __syncthreads();
      if constexpr (buffers < Warps) {
        if (warp < buffers) each(buffer(warp), [](float2& to, float a, float b) { to = {to.x + a, to.y + b}; });
        __syncthreads();
      }
#pragma unroll 1
      for (int i = static_cast<int>(threadIdx.x); i < heads_in_group * dim / 4; i += Warps * 32) {
        int const row = i / (dim / 4), feature = i % (dim / 4) * 4;
        float4 sum{};
#pragma unroll
        for (int w = 0; w < buffers; ++w) {
          float4 const v = *reinterpret_cast<float4 const*>(buffer(w) + row * at::sum_row + feature);
          sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
        }
        if (here.whole)
          *reinterpret_cast<uint2*>(in.outputs + static_cast<std::int64_t>(first_head + row) * dim + feature) = {
              number::pack(sum.x, sum.y), number::pack(sum.z, sum.w)};
        else
          *reinterpret_cast<float4*>(in.partial + (static_cast<std::int64_t>(cell) * heads_in_group + row) * dim +
                                     feature) = sum;
      }
      if constexpr (at::sums_in_ring) order_copies();
    }
    __syncthreads();
  }
}

}  // namespace headcount::v0::cuda
