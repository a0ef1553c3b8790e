#pragma once

#include <cmath>
#include <numbers>

#include <headcount/reference/block/matrix.hpp>

namespace headcount::v0::reference {

/// The gate functions that the supported models use.
enum class activation : unsigned char { gelu_tanh, silu };

/// Applies a gate function to every element in place.
///
///     gelu_tanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))      (Hendrycks & Gimpel 2016, arXiv 1606.08415)
///     silu(x)      = x / (1 + e^-x)
inline void apply(activation gate, matrix& values) {
  constexpr auto scale = static_cast<float>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
  auto x = values.array();
  if (gate == activation::gelu_tanh) x = 0.5f * x * (1.0f + (scale * (x + 0.044715f * x.cube())).tanh());
  else x *= x.logistic();
}

/// softplus(x) = ln(1 + e^x), without overflow.
[[nodiscard]] inline float softplus(float x) noexcept {
  return std::fmax(x, 0.0f) + std::log1p(std::exp(-std::fabs(x)));
}

}  // namespace headcount::v0::reference
