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
  u64 order[head_set::capacity()];          ///< of scores, as whole numbers; those that are no numbers come last
  float4 statistics[head_set::capacity()];  ///< as a pass keeps them: maximum and sum first
  alignas(16) u32 kept[head_set::capacity() / 32];

  [[nodiscard]] __device__ bool keeps(int head) const { return kept[head / 32] >> head % 32 & 1; }
};

/// A number that grows with the score, 0 where that is no number.
[[nodiscard]] __device__ __forceinline__ u64 order_of(double score) {
  if (score != score) return 0;
  u64 const bits = as_bits<u64>(score + 0.0);  // -0 is 0
  return bits >> 63 ? ~bits : bits | u64{1} << 63;
}

/// Whole block, `lanes` threads a head. Heads with the k highest scores, ties to the lower head: every head's rank at
/// once. Scores that are no numbers come last, as select::best_heads has it.
__device__ __forceinline__ void choose(select::top_k const& how, site const& where, decision& decided, int lanes) {
  int const heads = static_cast<int>(where.heads), sub = static_cast<int>(threadIdx.x) % lanes;
#pragma unroll 1
  for (int base = 0; base < heads; base += static_cast<int>(blockDim.x) / lanes) {
    int const head = base + static_cast<int>(threadIdx.x) / lanes;
    u64 const mine = head < heads ? decided.order[head] : 0;
    unsigned rank = 0;
#pragma unroll 4
    for (int other = sub; other < heads; other += lanes) {
      u64 const theirs = decided.order[other];
      rank += theirs > mine || (theirs == mine && other < head);
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

/// How a block decides a row: by three steps, between which the caller synchronises it. Several threads share a head.
template <class Line, class Shape, class Element>
class row_decision {
 public:
  __device__ __forceinline__ row_decision(parameters<Element> const& in, int row, decision& decided)
      : in_{in}, row_{row}, heads_{in.kv_heads * Shape::group}, decided_{decided} {
    while (lanes_ < 32 && 2 * lanes_ * heads_ <= static_cast<int>(blockDim.x)) lanes_ *= 2;
    if (threadIdx.x < head_set::capacity() / 32) decided_.kept[threadIdx.x] = 0;
    if constexpr (Line::known) cells_ = cells(first_head());
  }

  /// After the pass has ended: heads' statistics from those of their pieces. O(heads * pieces).
  template <class Sum>
  __device__ __forceinline__ void merge() {
    int const sub = static_cast<int>(threadIdx.x) % lanes_;
    if constexpr (!Line::known) cells_ = cells(first_head());
#pragma unroll 1
    for (int head = first_head(); head - first_head() < heads_; head += static_cast<int>(blockDim.x) / lanes_) {
      if (head > first_head()) cells_ = cells(head);
      auto const* const from = in_.statistics + std::int64_t{cells_.x} * Shape::group + head % Shape::group;
      statistic<Sum> whole;
#pragma unroll 4
      for (int i = sub; i < cells_.y; i += lanes_) whole.add(statistic<Sum>{__ldcg(from + i * Shape::group)});
#pragma unroll 1
      for (int apart = lanes_ / 2; apart > 0; apart /= 2) whole.add_lane(apart);
      if (head < heads_ && sub == 0) decided_.statistics[head] = whole.stored();
    }
  }

  template <class Sum, class Score>
  __device__ __forceinline__ void score(Score const& how) {
    auto const [first, end] = visible(in_.cache, row_);
#pragma unroll 1
    for (int head = static_cast<int>(threadIdx.x); head < heads_; head += static_cast<int>(blockDim.x)) {
      statistic<Sum> const whole{decided_.statistics[head]};
      double const score = Sum::score(how, whole.m, whole.z, whole.t, static_cast<std::size_t>(end - first));
      decided_.scores[head] = score;
      decided_.order[head] = order_of(score);
    }
  }

  /// O(heads^2) by the whole block.
  template <class Select>
  __device__ __forceinline__ void choose_heads(Select const& how) {
    if (!in_.chooses) {
#pragma unroll 1
      for (int head = static_cast<int>(threadIdx.x); head < heads_; head += static_cast<int>(blockDim.x))
        atomicOr(decided_.kept + head / 32, 1u << head % 32);
      return;
    }
    auto const end = visible(in_.cache, row_).end;
    site const where{.layer = static_cast<std::size_t>(in_.layer),
                     .phase = phase::generation,
                     .sequence_id = static_cast<std::size_t>(row_),
                     .position = static_cast<std::size_t>(end > 0 ? end - 1 : 0),
                     .heads = static_cast<std::size_t>(heads_),
                     .group = Shape::group,
                     .head_dim = Shape::dim};
    choose(how, where, decided_, lanes_);
  }

  /// Writes what the caller asked to see of it.
  __device__ __forceinline__ void show() const {
#pragma unroll 1
    for (int head = static_cast<int>(threadIdx.x); head < heads_; head += static_cast<int>(blockDim.x)) {
      std::int64_t const at = std::int64_t{row_} * heads_ + head;
      if (in_.scores) in_.scores[at] = static_cast<float>(decided_.scores[head]);
      if (in_.kept_flags) in_.kept_flags[at] = decided_.keeps(head);
    }
  }

 private:
  [[nodiscard]] __device__ __forceinline__ int first_head() const { return static_cast<int>(threadIdx.x) / lanes_; }
  [[nodiscard]] __device__ __forceinline__ int2 cells(int head) const {
    return head < heads_ ? cells_of<Line>(in_, row_, head / Shape::group) : int2{};
  }

  parameters<Element> const& in_;
  int row_, heads_, lanes_ = 1;
  int2 cells_{};
  decision& decided_;
};

inline constexpr int decide_threads = 128;

/// After a pass over all groups: a block decides a row. Before a pass over values it leaves the heads that are kept and
/// their softmaxes; after one that wrote every output whole (`Drops`), it zeroes the heads that are not kept.
template <class Line, class Shape, bool Drops, class Score, class Select>
__global__ void __launch_bounds__(decide_threads)
    decide(__grid_constant__ parameters<typename Shape::element_type> const in,
           __grid_constant__ device_policy<Score, Select> const policy) {
  using Sum = score_sum<Score>;
  __shared__ decision decided;
  int const row = static_cast<int>(blockIdx.x), heads = in.kv_heads * Shape::group,
            thread = static_cast<int>(threadIdx.x);
  row_decision<Line, Shape, typename Shape::element_type> here{in, row, decided};
  wait_for_previous();
  let_next_start();
  here.template merge<Sum>();
  __syncthreads();
  here.template score<Sum>(policy.score);
  __syncthreads();
  here.choose_heads(policy.select);
  __syncthreads();
  if constexpr (Drops) {
    auto* const outputs = reinterpret_cast<uint4*>(in.outputs + std::int64_t{row} * heads * Shape::dim);
#pragma unroll 4
    for (int i = thread; i < heads * Shape::dim / 8; i += decide_threads)
      if (!decided.keeps(i / (Shape::dim / 8))) outputs[i] = uint4{};
  } else {
#pragma unroll 1
    for (int head = thread; head < heads; head += decide_threads)
      in.softmaxes[std::int64_t{row} * heads + head] = {decided.statistics[head].x, decided.statistics[head].y};
    if (thread < 2)
      reinterpret_cast<uint4*>(in.kept + row)[thread] = reinterpret_cast<uint4 const*>(decided.kept)[thread];
  }
  here.show();
}

}  // namespace headcount::v0::cuda
