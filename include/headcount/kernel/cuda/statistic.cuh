#pragma once

#include <concepts>
#include <cstddef>
#include <numbers>

#include <headcount/kernel/cuda/instructions.cuh>
#include <headcount/score/entropy.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/score/max.hpp>

// What a pass over keys keeps of a row of logits x (in powers of two: natural ones times log2 e): m, at least the
// largest and a whole number, so that every rescaling is exact; z = sum 2^(x - m); and one number t that the scorer
// asks for.

namespace headcount::v0::cuda {

/// The number t of a scorer, and the scorer's score of it; the last step is the scorer's own accumulator's. A scorer
/// without a specialisation cannot be computed on a device.
template <class Score>
struct score_sum;

/// No scorer: no number.
struct nothing_scored {};
template <>
struct score_sum<nothing_scored> {
  static constexpr float start = 0;
  static __device__ __forceinline__ float add(float t, float, float, float) { return t; }
  static __device__ __forceinline__ float rescaled(float t, float, float, float) { return t; }
  static __device__ __forceinline__ float joined(float a, float) { return a; }
};

/// t = sum 2^(x - m) (x - m).
template <>
struct score_sum<score::entropy> {
  static constexpr float start = 0;
  /// With one logit more: its weight p = 2^d and d = x - m.
  static __device__ __forceinline__ float add(float t, float p, float d, float) { return fmaf(p, d, t); }
  /// When m grew by -drop, by which z and p shrink: by = 2^drop.
  static __device__ __forceinline__ float rescaled(float t, float z, float drop, float by) {
    return by * (t + z * drop);
  }
  /// Of two parts with the same m.
  static __device__ __forceinline__ float joined(float a, float b) { return a + b; }
  static __device__ double score(score::entropy const& how, float m, float z, float t, std::size_t keys) {
    return score::entropy::accumulator{{m * std::numbers::ln2, z}, t * std::numbers::ln2, keys}.score(how);
  }
};

/// t = sum 4^(x - m).
template <>
struct score_sum<score::l2> {
  static constexpr float start = 0;
  static __device__ __forceinline__ float add(float t, float p, float, float) { return fmaf(p, p, t); }
  static __device__ __forceinline__ float rescaled(float t, float, float, float by) { return by * by * t; }
  static __device__ __forceinline__ float joined(float a, float b) { return a + b; }
  static __device__ double score(score::l2 const& how, float m, float z, float t, std::size_t) {
    return score::l2::accumulator{{m * std::numbers::ln2, z}, t}.score(how);
  }
};

/// t = the largest x.
template <>
struct score_sum<score::max> {
  static constexpr float start = -1e30f;
  static __device__ __forceinline__ float add(float t, float, float, float x) { return fmaxf(t, x); }
  static __device__ __forceinline__ float rescaled(float t, float, float, float) { return t; }
  static __device__ __forceinline__ float joined(float a, float b) { return fmaxf(a, b); }
  static __device__ double score(score::max const& how, float m, float z, float t, std::size_t) {
    double const total = static_cast<double>(z) * exp2(static_cast<double>(m) - t);
    return score::max::accumulator{{t * std::numbers::ln2, z == 0 ? 0 : total}}.score(how);
  }
};

/// A scorer that a device computes in the attention kernel.
template <class Score>
concept device_scorer = requires(Score const& how, float x, std::size_t keys) {
  { score_sum<Score>::score(how, x, x, x, keys) } -> std::same_as<double>;
};

/// m, z and t of some of a row's logits.
template <class Sum>
struct statistic {
  static constexpr float none = -1e30f;  ///< m where there is no logit

  float m = none;
  float z = 0;
  float t = Sum::start;

  statistic() = default;
  __device__ __forceinline__ explicit statistic(float4 v) : m{v.x}, z{v.y}, t{v.z} {}
  [[nodiscard]] __device__ __forceinline__ float4 stored() const { return {m, z, t, 0}; }

  __device__ __forceinline__ void add(statistic const& other) {
    float const top = fmaxf(m, other.m), drop = m - top, other_drop = other.m - top;
    float const by = power_of_two(drop), other_by = power_of_two(other_drop);
    t = Sum::joined(Sum::rescaled(t, z, drop, by), Sum::rescaled(other.t, other.z, other_drop, other_by));
    z = by * z + other_by * other.z;
    m = top;
  }
  /// With those of the lanes whose number differs by `apart`.
  __device__ __forceinline__ void add_lane(int apart) {
    statistic other;
    other.m = __shfl_xor_sync(~0u, m, apart);
    other.z = __shfl_xor_sync(~0u, z, apart);
    other.t = __shfl_xor_sync(~0u, t, apart);
    add(other);
  }
};

}  // namespace headcount::v0::cuda
