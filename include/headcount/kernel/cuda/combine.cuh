#pragma once

#include <headcount/kernel/cuda/decide.cuh>

namespace headcount::v0::cuda {

/// The most pieces that one unit is cut into.
inline constexpr int most_pieces = 512;

/// Which pieces a unit's sums lie in, and what they are relative to.
enum class sums_are : int {
  scored,     ///< relative to the piece's maximum, of all groups; the row is decided here
  relative,   ///< relative to the piece's maximum, of listed groups
  normalised  ///< relative to the row's maximum already, of listed groups
};

/// Threads a block: deciding takes more.
template <sums_are Are>
inline constexpr int combine_threads = Are == sums_are::scored ? 256 : 128;

/// Pieces whose sums a thread asks for at once.
inline constexpr int combined_at_once = 4;

/// Into how wide parts `combine` cuts rows of `quads` times four features: the widest that leave no multiprocessor
/// idle, or few where there is little to add.
[[nodiscard]] inline int combined_across(int batch, int quads, int pieces, int threads, int multiprocessors) {
  int const least = pieces <= combined_at_once ? multiprocessors * 9 / 10 : multiprocessors;
  int across = threads;
  while (across > 8 && batch * ((quads + across - 1) / across) < least) across /= 2;
  return across;
}

/// Adds the pieces of every unit that is not whole, and zeroes heads that are not kept. A block makes `across` times
/// four features of a row: a power of two, at most its threads; rows take the same number of blocks each.
template <class Line, class Shape, sums_are Are, class Score, class Select>
__global__ void __launch_bounds__(combine_threads<Are>)
    combine(__grid_constant__ parameters<typename Shape::element_type> const in,
            __grid_constant__ device_policy<Score, Select> const policy, int across) {
  using number = element<typename Shape::element_type>;
  using Sum = score_sum<Score>;
  constexpr int group = Shape::group, quads = Shape::dim / 4, ahead = combined_at_once, threads = combine_threads<Are>;
  constexpr bool scored = Are == sums_are::scored;
  __shared__ float4 scratch[threads];
  __shared__ std::conditional_t<scored, decision, float2[threads / 16 + 1]> shared;
  int const thread = static_cast<int>(threadIdx.x), heads = in.kv_heads * group,
            blocks = (heads * quads + across - 1) / across, row = static_cast<int>(blockIdx.x) / blocks,
            part = static_cast<int>(blockIdx.x) % blocks, quad = part * across + thread % across, head = quad / quads,
            deep = threads / across, depth = thread / across;
  bool const there = head < heads, lists = !Line::known && !scored && in.list != listing::all;
  std::int64_t const index = std::int64_t{row} * heads + head;
  // Whether a head is kept, where that was decided before, and the pieces of its unit.
  auto const listed = [&](int of) { return of < heads && (!lists || listed_heads(in, row).contains(of)); };
  bool own = there;
  int2 cells{};
  if constexpr (Line::known)
    if (there) cells = cells_of<Line>(in, row, head / group);
  auto decider = [&] {
    if constexpr (scored) return row_decision<Line, Shape, typename Shape::element_type>{in, row, shared};
    else return 0;
  }();
  wait_for_previous();  // even a block that adds nothing: what comes after this kernel counts on all before it
  let_next_start();
  if constexpr (!Line::known) {
    own = listed(head);
    if (own) cells = cells_of<Line>(in, row, head / group);
  }
  // The first pieces are asked for at once, before their weights are known.
  int const pieces = cells.y == 1 ? 0 : cells.y;  // one piece is an output already
  std::int64_t const first = std::int64_t{cells.x} * group + head % group;
  auto const* const from = in.partial + first * Shape::dim + quad % quads * 4;
  auto const sum_of = [&](int piece) {
    constexpr std::int64_t step = group * Shape::dim;
    return piece < pieces ? __ldcg(reinterpret_cast<float4 const*>(from + piece * step)) : float4{};
  };
  auto const top_of = [&](int piece) {
    if constexpr (Are == sums_are::normalised) return 0.0f;
    else return piece < pieces ? __ldcg(&in.statistics[first + std::int64_t{piece} * group].x) : 0.0f;
  };
  float4 held[ahead];
  float tops[ahead];
#pragma unroll
  for (int i = 0; i < ahead; ++i) held[i] = sum_of(depth + i * deep), tops[i] = top_of(depth + i * deep);

  float2 softmax{0, 1};
  if constexpr (scored) {
    decider.template merge<Sum>();
    __syncthreads();
    if (there) softmax = {shared.statistics[head].x, shared.statistics[head].y};
  } else if constexpr (Are == sums_are::relative) {
    using without_score = statistic<score_sum<nothing_scored>>;
    int const first_head = part * across / quads;
    if (lists && there && quad % quads == 0 && depth == 0 && in.kept_flags) in.kept_flags[index] = own;
#pragma unroll 1
    for (int of = first_head + thread / 32; of <= ((part + 1) * across - 1) / quads; of += threads / 32) {
      int2 const theirs = listed(of) ? cells_of<Line>(in, row, of / group) : int2{};
      without_score all;
#pragma unroll 4
      for (int i = thread % 32; i < theirs.y; i += 32)
        all.add(without_score{__ldcg(in.statistics + (std::int64_t{theirs.x} + i) * group + of % group)});
      for (int apart = 16; apart > 0; apart /= 2) all.add_lane(apart);
      if (thread % 32 == 0) shared[of - first_head] = {all.m, all.z};
    }
    __syncthreads();
    softmax = shared[head - first_head];
  } else if (pieces > 0) {
    softmax.y = __ldcg(&in.softmaxes[index].y);
  }
  float const one = 1 / softmax.y;
  float4 sum{};
  auto const add = [&](float top, float4 v) {
    float const w = Are == sums_are::normalised ? one : power_of_two(top - softmax.x) * one;
    sum.x += w * v.x, sum.y += w * v.y, sum.z += w * v.z, sum.w += w * v.w;
  };
#pragma unroll
  for (int i = 0; i < ahead; ++i)
    if (depth + i * deep < pieces) add(tops[i], held[i]);
#pragma unroll 4
  for (int piece = depth + ahead * deep; piece < pieces; piece += deep) add(top_of(piece), sum_of(piece));
  scratch[thread] = sum;
  if constexpr (scored) decider.template score<Sum>(policy.score);
  __syncthreads();
  if constexpr (scored) {
    decider.choose_heads(policy.select);
    __syncthreads();
    own = there && shared.keeps(head);
    if (part == 0) decider.show();
  }
  if (depth > 0 || !there || (own && cells.y == 1)) return;
#pragma unroll 4
  for (int i = 1; i < deep; ++i) {
    float4 const v = scratch[i * across + thread];
    sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
  }
  if (!own) sum = float4{};
  *reinterpret_cast<uint2*>(in.outputs + index * Shape::dim + quad % quads * 4) = {number::pack(sum.x, sum.y),
                                                                                   number::pack(sum.z, sum.w)};
}

}  // namespace headcount::v0::cuda
