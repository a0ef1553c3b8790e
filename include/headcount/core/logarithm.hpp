#pragma once

#include <bit>
#include <cstdint>
#include <numbers>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// log2 of a positive normal float, to 2e-7 relative. Without a call or a branch, so that loops over it use vector
/// registers. Method: x = 2^e m with m in [sqrt(1/2), sqrt(2)), ln m by a polynomial of degree 11 (coefficients of
/// Cephes' logf).
[[nodiscard]] inline float log2_of_positive(float x) noexcept {
  constexpr std::int32_t root_half = 0x3f3504f3;  // the bits of sqrt(1/2)
  auto const bits = std::bit_cast<std::int32_t>(x);
  auto const exponent = (bits - root_half) >> 23;
  float const r = std::bit_cast<float>(bits - exponent * (1 << 23)) - 1.0f;
  float p = 7.0376836292e-2f;
  p = p * r - 1.1514610310e-1f;
  p = p * r + 1.1676998740e-1f;
  p = p * r - 1.2420140846e-1f;
  p = p * r + 1.4249322787e-1f;
  p = p * r - 1.6668057665e-1f;
  p = p * r + 2.0000714765e-1f;
  p = p * r - 2.4999993993e-1f;
  p = p * r + 3.3333331174e-1f;
  float const natural = p * r * r * r - 0.5f * r * r + r;
  return natural * std::numbers::log2e_v<float> + static_cast<float>(exponent);
}

}  // namespace headcount::v0
