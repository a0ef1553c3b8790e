#pragma once

#include <headcount/kernel/cuda/pass_layout.cuh>

// Matrix products of a warp: queries of a group with the keys of a tile, weights with its values. The heads of a group
// are rows of a 16 x 16 matrix; lane l holds rows l / 4 and l / 4 + 8, columns 2 * (l % 4) and the next.

namespace headcount::v0::cuda {

/// Where 16 features begin in a tile, `step` times 16 on from a lane's first.
template <class Shape>
[[nodiscard]] __device__ __forceinline__ u32 features_at(u32 base, int step) {
  return (base ^ (step & 3) << 5) + (step >> 2) * Shape::half_bytes;
}

/// The queries of a group as the left side of products: in registers, or in shared memory where there are too many.
template <class Shape, bool InShared>
class group_queries {
  static constexpr int steps = Shape::dim / 16, row_bytes = Shape::dim * 2 + 16;

 public:
  /// From `queries` [head of group, dim]; whole block where in shared memory, which it synchronises.
  __device__ __forceinline__ void load(typename Shape::element_type const* queries, unsigned char* shared,
                                       int threads) {
    int const lane = static_cast<int>(threadIdx.x) % 32, quad = lane / 4, part = lane % 4;
    if constexpr (InShared) {
      for (int i = static_cast<int>(threadIdx.x); i < 16 * Shape::dim / 8; i += threads) {
        int const row = i / (Shape::dim / 8), chunk = i % (Shape::dim / 8);
        *reinterpret_cast<uint4*>(shared + row * row_bytes + chunk * 16) =
            row < Shape::group ? __ldg(reinterpret_cast<uint4 const*>(queries + row * Shape::dim) + chunk) : uint4{};
      }
      __syncthreads();
      from_ = shared_address(shared) + ((lane >> 3 & 1) * 8 + lane % 8) * row_bytes + (lane >> 4) * 16;
    } else {
      auto const pair = [&](int row, int column) {
        return row < Shape::group ? __ldg(reinterpret_cast<u32 const*>(queries + row * Shape::dim + column)) : 0u;
      };
#pragma unroll
      for (int step = 0; step < steps; ++step) {
        int const column = step * 16 + 2 * part;
        held_[step][0] = pair(quad, column);
        held_[step][1] = Shape::row_sets == 2 ? pair(quad + 8, column) : 0;
        held_[step][2] = pair(quad, column + 8);
        held_[step][3] = Shape::row_sets == 2 ? pair(quad + 8, column + 8) : 0;
      }
    }
  }

  /// logits[row set][key set][two keys] = queries . keys of a tile.
  __device__ __forceinline__ void times_keys(unsigned char const* tile,
                                             float (&logits)[Shape::row_sets][Shape::key_sets][2]) const {
    int const lane = static_cast<int>(threadIdx.x) % 32;
    u32 const base = shared_address(tile) + (((lane >> 4) * 8 + lane % 8) * 128) + (((lane >> 3 & 1) ^ lane % 8) << 4);
    float s[2][Shape::key_sets][4] = {};
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      u32 const from = features_at<Shape>(base, step);
      u32 a[4];
      if constexpr (InShared) load_matrices(a, from_ + step * 32);
      else
        for (int i = 0; i < 4; ++i) a[i] = held_[step][i];
#pragma unroll
      for (int pair = 0; pair < Shape::key_sets / 2; ++pair) {
        u32 b[4];
        load_matrices(b, from + pair * Shape::block_bytes);
        element<typename Shape::element_type>::multiply(s[step & 1][2 * pair], a, b[0], b[1]);
        element<typename Shape::element_type>::multiply(s[step & 1][2 * pair + 1], a, b[2], b[3]);
      }
    }
#pragma unroll
    for (int r = 0; r < Shape::row_sets; ++r)
#pragma unroll
      for (int n = 0; n < Shape::key_sets; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) logits[r][n][e] = s[0][n][2 * r + e] + s[1][n][2 * r + e];
  }

 private:
  u32 held_[InShared ? 1 : steps][4];
  u32 from_ = 0;
};

/// Weights of a tile as the left side of a product; of coarse numbers what cutting left of them, too.
template <class Shape>
struct tile_weights {
  static constexpr bool with_rests = element<typename Shape::element_type>::coarse;
  u32 words[Shape::weight_words], rests[with_rests ? Shape::weight_words : 1];

  __device__ __forceinline__ void keep(int word, float first, float second) {
    using number = element<typename Shape::element_type>;
    if constexpr (with_rests) number::split(first, second, words[word], rests[word]);
    else words[word] = number::pack(first, second);
  }
};

/// sums[8 features][...] += weights times the values of a tile. Where a group leaves rows to spare, rests take them:
/// sums[n][2] and [3] belong to sums[n][0] and [1] then.
template <class Shape>
__device__ __forceinline__ void add_values(float (&sums)[Shape::dim / 8][4], tile_weights<Shape> const& weights,
                                           unsigned char const* tile) {
  using number = element<typename Shape::element_type>;
  constexpr bool with_rests = tile_weights<Shape>::with_rests;
  int const lane = static_cast<int>(threadIdx.x) % 32;
  u32 const base = shared_address(tile) + (((lane >> 3 & 1) * 8 + lane % 8) * 128) + (((lane >> 4) ^ lane % 8) << 4);
#pragma unroll
  for (int block = 0; block < Shape::key_sets / 2; ++block) {
    u32 a[4], rest[4];
    if constexpr (Shape::row_sets == 1) {
      a[0] = weights.words[2 * block], a[2] = weights.words[2 * block + 1];
      a[1] = with_rests ? weights.rests[2 * block] : 0, a[3] = with_rests ? weights.rests[2 * block + 1] : 0;
    } else {
      for (int i = 0; i < 4; ++i)
        a[i] = weights.words[4 * block + i], rest[i] = with_rests ? weights.rests[4 * block + i] : 0;
    }
#pragma unroll
    for (int step = 0; step < Shape::dim / 16; ++step) {
      u32 b[4];
      load_transposed(b, features_at<Shape>(base, step) + block * Shape::block_bytes);
      number::multiply(sums[2 * step], a, b[0], b[1]);
      number::multiply(sums[2 * step + 1], a, b[2], b[3]);
      if constexpr (with_rests && Shape::row_sets == 2) {
        number::multiply(sums[2 * step], rest, b[0], b[1]);
        number::multiply(sums[2 * step + 1], rest, b[2], b[3]);
      }
    }
  }
}

}  // namespace headcount::v0::cuda
