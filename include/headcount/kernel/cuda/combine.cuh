#pragma once

#include <headcount/kernel/cuda/decide.cuh>

namespace headcount::v0::cuda {

inline constexpr int combine_threads = 256;

/// The most pieces that one unit is cut into.
inline constexpr int most_pieces = 512;

/// `Slice` features of one head's sums over pieces; the first pieces' are asked for at once, before their weights are
/// known. Whole block.
template <class Shape, int Slice>
class partial_sums {
  static constexpr int across = Slice / 4, deep = combine_threads / across, ahead = 4;

 public:
  static constexpr int scratch_floats = deep * Slice;

  __device__ __forceinline__ partial_sums(float const* from, int count)
      : first_{from + threadIdx.x % across * 4}, count_{count} {
#pragma unroll
    for (int i = 0; i < ahead; ++i) held_[i] = at(static_cast<int>(threadIdx.x) / across + i * deep);
  }
  /// sum over pieces of weight(piece) * sum of the piece.
  template <class Weight>
  __device__ __forceinline__ void add(Weight&& weight, float* scratch, typename Shape::element_type* output) const {
    int const depth = static_cast<int>(threadIdx.x) / across;
    float4 sum{};
    auto const take = [&](float w, float4 v) {
      sum.x += w * v.x, sum.y += w * v.y, sum.z += w * v.z, sum.w += w * v.w;
    };
#pragma unroll
    for (int i = 0; i < ahead; ++i)
      if (int const piece = depth + i * deep; piece < count_) take(weight(piece), held_[i]);
#pragma unroll 4
    for (int piece = depth + ahead * deep; piece < count_; piece += deep) take(weight(piece), at(piece));
    reinterpret_cast<float4*>(scratch)[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x < Slice) {
      float total = 0;
#pragma unroll
      for (int i = 0; i < deep; ++i) total += scratch[i * Slice + threadIdx.x];
      output[threadIdx.x] = element<typename Shape::element_type>::from(total);
    }
  }

 private:
  [[nodiscard]] __device__ __forceinline__ float4 at(int piece) const {
    constexpr std::int64_t step = Shape::group * Shape::dim;
    return piece < count_ ? __ldcg(reinterpret_cast<float4 const*>(first_ + piece * step)) : float4{};
  }

  float const* first_;
  int count_;
  float4 held_[ahead];
};

/// Which pieces a unit's sums lie in, and what they are relative to.
enum class sums_are : int {
  scored,     ///< relative to the piece's maximum, of all groups; the row is decided here
  relative,   ///< relative to the piece's maximum, of listed groups
  normalised  ///< relative to the row's maximum already, of listed groups
};

/// Adds the pieces of every unit that is not whole, and zeroes heads that are not kept. A block a head and `Slice` of
/// its features.
template <class Shape, int Slice, sums_are Are, class Score, class Select>
__global__ void __launch_bounds__(combine_threads)
    combine(__grid_constant__ parameters<typename Shape::element_type> const in,
            __grid_constant__ device_policy<Score, Select> const policy) {
  using Element = typename Shape::element_type;
  using sums_of = partial_sums<Shape, Slice>;
  constexpr int slices = Shape::dim / Slice, group = Shape::group;
  __shared__ __align__(16) float tops[most_pieces], scratch[sums_of::scratch_floats], softmax[2];
  int const heads = in.kv_heads * group, index = static_cast<int>(blockIdx.x) / slices,
            slice = static_cast<int>(blockIdx.x) % slices, row = index / heads, head = index % heads;
  auto* const output = in.outputs + std::int64_t{index} * Shape::dim + slice * Slice;
  let_next_start();
  work_line<Shape, Element> const line{in, Are == sums_are::scored ? in.shares : in.list_shares};
  int const tiles = tiles_of<Shape>(in, row).count();
  int unit_in_row = head / group;
  bool own = true;  // whether the head is kept, where that was decided before
  if (Are != sums_are::scored && in.list != listing::all) {
    auto const kept = listed_heads(in, row);
    own = kept.contains(head);
    unit_in_row = kept.below(head / group * group).template count_groups<group>(in.kv_heads);
  }
  auto const place = line.row(row);
  auto const cells = cells_of(line, place, tiles, unit_in_row);
  bool const whole = cells.count == 1;
  std::int64_t const first = std::int64_t{cells.first} * group + head % group;
  auto const zero = [&] {
    if (threadIdx.x < Slice) output[threadIdx.x] = element<Element>::from(0);
  };
  wait_for_previous();  // even a block that has nothing to add: what comes after this kernel counts on all before it
  if constexpr (Are != sums_are::scored) {
    if (Are == sums_are::relative && in.list != listing::all && slice == 0 && threadIdx.x == 0 && in.kept_flags)
      in.kept_flags[index] = own;
    if (!own || tiles == 0) return zero();
    if (whole) return;
  }
  sums_of const sums{in.partial + first * Shape::dim + slice * Slice, whole ? 0 : cells.count};
  if constexpr (Are == sums_are::scored) {
    __shared__ decision decided;
    decide_row(
        in, line, place, policy, decided,
        [&](int h, int piece, float m) {
          if (h == head) tops[piece] = m;
        },
        [&](int h, auto const& all) {
          if (h == head) softmax[0] = all.m, softmax[1] = all.z;
        });
    if (head == 0 && slice == 0) show(in, row, heads, decided);
    if (!decided.keeps(head) || tiles == 0) return zero();
    if (whole) return;
  } else if constexpr (Are == sums_are::relative) {
    statistic<score_sum<nothing_scored>> all;  // by every warp for itself
    for (int i = static_cast<int>(threadIdx.x) % 32; i < cells.count; i += 32) {
      statistic<score_sum<nothing_scored>> const one{__ldcg(in.statistics + first + std::int64_t{i} * group)};
      if (threadIdx.x < 32) tops[i] = one.m;
      all.add(one);
    }
    for (int apart = 16; apart > 0; apart /= 2) all.add_lane(apart);
    if (threadIdx.x == 0) softmax[0] = all.m, softmax[1] = all.z;
    __syncthreads();
  } else {
    if (threadIdx.x == 0) softmax[1] = __ldcg(in.softmaxes + index).y;
    __syncthreads();
  }
  float const m = softmax[0], one = 1 / softmax[1];
  sums.add(
      [&](int piece) {
        if constexpr (Are == sums_are::normalised) return one;
        else return power_of_two(tops[piece] - m) * one;
      },
      scratch, output);
}

}  // namespace headcount::v0::cuda
