#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/kernel/cuda/parameters.cuh>
#include <headcount/kernel/cuda/shape.cuh>
#include <headcount/kernel/cuda/shares.cuh>
#include <headcount/kernel/cuda/statistic.cuh>
#include <headcount/policy/policy.hpp>
#include <headcount/select/selector.hpp>
#include <headcount/select/top_k.hpp>

namespace headcount::v0::cuda {

/// A selector that a device runs as it is: a plain value that remembers nothing.
template <class Select>
concept device_selector = std::is_trivially_copyable_v<Select> && selector<Select> && !selector_takes<Select>.state;

/// The policy's part on a device: which heads of a row are kept, by its scorer's sums.
template <class Score, class Select>
struct device_policy {
  Score score;
  Select select;
};

/// Heads of one row while it is decided, in shared memory.
struct decision {
  double scores[head_set::capacity()];
  alignas(16) u32 kept[head_set::capacity() / 32];

  [[nodiscard]] __device__ bool keeps(int head) const { return kept[head / 32] >> head % 32 & 1; }
};

/// Whole block, `lanes` threads a head. Heads with the k highest scores, ties to the lower head: every head's rank at
/// once. Scores that are no numbers come last, as select::best_heads has it.
__device__ __forceinline__ void choose(select::top_k const& how, site const& where, decision& decided, int lanes) {
  int const heads = static_cast<int>(where.heads), sub = static_cast<int>(threadIdx.x) % lanes;
#pragma unroll 1
  for (int base = 0; base < heads; base += static_cast<int>(blockDim.x) / lanes) {
    int const head = base + static_cast<int>(threadIdx.x) / lanes;
    double const mine = head < heads ? decided.scores[head] : 0;
    unsigned rank = 0;
#pragma unroll 4
    for (int other = sub; other < heads; other += lanes) {
      double const theirs = decided.scores[other];
      bool const equal = theirs == mine || (theirs != theirs && mine != mine);
      rank += theirs > mine || (mine != mine && theirs == theirs) || (equal && other < head);
    }
#pragma unroll 1
    for (int apart = lanes / 2; apart > 0; apart /= 2) rank += __shfl_xor_sync(~0u, rank, apart);
    if (head < heads && sub == 0 && rank < how.k) atomicOr(decided.kept + head / 32, 1u << head % 32);
  }
}

/// Any other selector, as it is, by one thread.
template <class Select>
__device__ __forceinline__ void choose(Select const& how, site const& where, decision& decided, int) {
  if (threadIdx.x != 0) return;
  auto const kept = select_heads(how, std::span<double const>{decided.scores, where.heads}, where);
  memcpy(decided.kept, &kept, sizeof(kept));
}

/// Scores and choice of a row's heads from the statistics of their pieces, into `decided`; whole block, which it
/// synchronises. `see(head, piece, m)` is told of every piece, `give(head, statistic)` of every head.
template <class Shape, class Element, class Score, class Select, class See, class Give>
__device__ __forceinline__ void decide_row(parameters<Element> const& in, work_line<Shape, Element> const& line,
                                           place const& place, device_policy<Score, Select> const& policy,
                                           decision& decided, See&& see, Give&& give) {
  using Sum = score_sum<Score>;
  int const heads = in.kv_heads * Shape::group, threads = static_cast<int>(blockDim.x);
  int const tiles = tiles_of<Shape>(in, place.row).count();
  auto const [first_key, end_key] = visible(in.cache, place.row);
  int lanes = 1;  // that share a head
  while (lanes < 32 && 2 * lanes * heads <= threads) lanes *= 2;
  int const sub = static_cast<int>(threadIdx.x) % lanes;
  if (threadIdx.x < head_set::capacity() / 32) decided.kept[threadIdx.x] = 0;
#pragma unroll 1
  for (int base = 0; base < heads; base += threads / lanes) {
    int const head = base + static_cast<int>(threadIdx.x) / lanes;
    statistic<Sum> whole;
    if (head < heads && tiles > 0) {
      auto const cells = cells_of(line, place, tiles, head / Shape::group);
      auto const* const from =
          in.statistics + static_cast<std::int64_t>(cells.first) * Shape::group + head % Shape::group;
#pragma unroll 4
      for (int i = sub; i < cells.count; i += lanes) {
        statistic<Sum> const one{__ldcg(from + i * Shape::group)};
        see(head, i, one.m);
        whole.add(one);
      }
    }
#pragma unroll 1
    for (int apart = lanes / 2; apart > 0; apart /= 2) whole.add_lane(apart);
    if (head < heads && sub == 0) {
      decided.scores[head] =
          Sum::score(policy.score, whole.m, whole.z, whole.t, static_cast<std::size_t>(end_key - first_key));
      give(head, whole);
    }
  }
  __syncthreads();
  if (in.chooses) {
    site const where{.layer = static_cast<std::size_t>(in.layer),
                     .phase = phase::generation,
                     .sequence_id = static_cast<std::size_t>(place.row),
                     .position = static_cast<std::size_t>(end_key > 0 ? end_key - 1 : 0),
                     .heads = static_cast<std::size_t>(heads),
                     .group = Shape::group,
                     .head_dim = Shape::dim};
    choose(policy.select, where, decided, lanes);
  } else if (threadIdx.x < head_set::capacity() / 32) {
    int const left = heads - static_cast<int>(threadIdx.x) * 32;
    decided.kept[threadIdx.x] = left >= 32 ? ~0u : left > 0 ? (1u << left) - 1 : 0;
  }
  __syncthreads();
}

/// Writes what the caller asked to see of a row's decision; whole block.
template <class Element>
__device__ __forceinline__ void show(parameters<Element> const& in, int row, int heads, decision const& decided) {
#pragma unroll 1
  for (int head = static_cast<int>(threadIdx.x); head < heads; head += static_cast<int>(blockDim.x)) {
    std::int64_t const at = std::int64_t{row} * heads + head;
    if (in.scores) in.scores[at] = static_cast<float>(decided.scores[head]);
    if (in.kept_flags) in.kept_flags[at] = decided.keeps(head);
  }
}

inline constexpr int decide_threads = 256;

/// Between the pass over keys and the pass over values: a block decides a row. O(heads * (pieces + log heads)).
template <class Shape, class Score, class Select>
__global__ void __launch_bounds__(decide_threads)
    decide(__grid_constant__ parameters<typename Shape::element_type> const in,
           __grid_constant__ device_policy<Score, Select> const policy) {
  __shared__ decision decided;
  int const row = static_cast<int>(blockIdx.x), heads = in.kv_heads * Shape::group;
  let_next_start();
  work_line<Shape, typename Shape::element_type> const line{in, in.shares};
  auto const place = line.row(row);
  wait_for_previous();
  decide_row(
      in, line, place, policy, decided, [](int, int, float) {},
      [&](int head, auto const& whole) { in.softmaxes[std::int64_t{row} * heads + head] = {whole.m, whole.z}; });
  if (threadIdx.x < 2)
    reinterpret_cast<uint4*>(in.kept + row)[threadIdx.x] = reinterpret_cast<uint4 const*>(decided.kept)[threadIdx.x];
  show(in, row, heads, decided);
}

/// After a pass that wrote every output whole: decides a row and zeroes the heads that are not kept. A block a row.
template <class Shape, class Score, class Select>
__global__ void __launch_bounds__(decide_threads)
    drop(__grid_constant__ parameters<typename Shape::element_type> const in,
         __grid_constant__ device_policy<Score, Select> const policy) {
  __shared__ decision decided;
  int const row = static_cast<int>(blockIdx.x), heads = in.kv_heads * Shape::group;
  let_next_start();
  work_line<Shape, typename Shape::element_type> const line{in, in.shares};
  auto const place = line.row(row);
  wait_for_previous();
  decide_row(in, line, place, policy, decided, [](int, int, float) {}, [](int, auto const&) {});
  show(in, row, heads, decided);
  auto* const outputs = reinterpret_cast<uint4*>(in.outputs + std::int64_t{row} * heads * Shape::dim);
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < heads * Shape::dim / 8; i += decide_threads)
    if (!decided.keeps(i / (Shape::dim / 8))) outputs[i] = uint4{};
}

}  // namespace headcount::v0::cuda
