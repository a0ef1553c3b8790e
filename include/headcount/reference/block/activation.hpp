#pragma once

#include <cmath>
#include <numbers>

#include <headcount/reference/block/matrix.hpp>

namespace headcount::v0::reference {

/// The gate functions that the supported models use.
enum class activation : unsigned char { gelu_tanh, gelu, silu, relu_squared };

/// Applies a gate function to every element in place.
///
///     gelu_tanh(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))      (Hendrycks & Gimpel 2016, arXiv 1606.08415)
///     gelu(x)      = x/2 (1 + erf(x / sqrt(2)))                         (the same)
///     silu(x)      = x / (1 + e^-x)
///     relu_squared(x) = max(x, 0)^2                                     (So et al. 2021, arXiv 2109.08668)
inline void apply(activation gate, matrix& values) {
  constexpr auto scale = static_cast<float>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
  auto x = values.array();
  switch (gate) {
    case activation::gelu_tanh:
      x = 0.5f * x * (1.0f + (scale * (x + 0.044715f * x.cube())).tanh());
      break;
    case activation::gelu:
      for (auto& value : values.reshaped())
        value *= 0.5f * (1.0f + std::erf(value * (1 / std::numbers::sqrt2_v<float>)));
      break;
    case activation::silu:
      x *= x.logistic();
      break;
    case activation::relu_squared:
      x = x.cwiseMax(0.0f).square();
      break;
  }
}

/// softplus(x) = ln(1 + e^x), without overflow.
[[nodiscard]] inline float softplus(float x) noexcept {
  return std::fmax(x, 0.0f) + std::log1p(std::exp(-std::fabs(x)));
}

}  // namespace headcount::v0::reference
