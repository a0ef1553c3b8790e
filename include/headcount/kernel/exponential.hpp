#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include <headcount/kernel/lanes.hpp>

namespace headcount::v0::kernel {

/// e^x for x <= 0, to 1e-7 relative; 0 below -87, NaN for NaN. Without a call or a branch. Method: x = n ln 2 + r with
/// |r| <= ln 2 / 2, e^r by a polynomial of degree 7 (coefficients of Cephes' expf), 2^n in the exponent's bits. Right
/// under -fassociative-math, too, which would undo the usual rounding by adding 1.5 * 2^23 and taking it away again.
[[nodiscard]] inline float exp_of_nonpositive(float x) noexcept {
  float const inside = x >= -87.0f ? x : -87.0f;
  auto const exponent = static_cast<std::int32_t>(inside * 1.44269504f - 0.5f);  // the nearest, as it is cut towards 0
  auto const n = static_cast<float>(exponent);
  float const r = (inside - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  auto const bits = std::bit_cast<std::int32_t>(p) + exponent * (1 << 23);
  return x >= -87.0f ? std::bit_cast<float>(bits) : x < -87.0f ? 0.0f : x;
}

/// The same of sixteen numbers, in place. GCC 12 makes branches of the above, since for x < -87 it knows all steps but
/// the last, and uses no vector registers where there are branches; so they are used by name.
inline void exp_of_nonpositive(lanes& of) noexcept {
#if defined(__GNUC__) && !defined(__CUDACC__)
  using numbers = lanes::storage;
  using integers = std::int32_t __attribute__((vector_size(sizeof(numbers))));
  numbers const x = of.values, lowest = numbers{} - 87.0f, zero{};
  numbers const inside = x >= lowest ? x : lowest;
  integers const exponent = __builtin_convertvector(inside * 1.44269504f - 0.5f, integers);
  numbers const n = __builtin_convertvector(exponent, numbers);
  numbers const r = (inside - n * 0.693359375f) + n * 2.12194440e-4f;
  numbers p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  auto const power = reinterpret_cast<numbers>(reinterpret_cast<integers>(p) + exponent * (1 << 23));
  of.values = x >= lowest ? power : x < lowest ? zero : x;
#else
  for (auto& value : of.values) value = exp_of_nonpositive(value);
#endif
}

}  // namespace headcount::v0::kernel
