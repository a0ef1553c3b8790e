#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/reference/block/matrix.hpp>

namespace headcount::v0::reference {

/// RMSNorm: y_i = gain_i * x_i / sqrt(mean_j x_j^2 + epsilon).
/// `gain` is the stored weight, or 1 + it for the Gemma family.
/// Source: Zhang & Sennrich 2019, arXiv 1910.07467, equation 4.
struct rms_norm {
  std::vector<float> gain{};  ///< `[feature]`
  float epsilon = 1e-6f;
};

/// Normalises one token's features in place.
inline void apply(rms_norm const& norm, std::span<float> features) noexcept {
  auto x = as_array(features);
  x *= as_array(std::span{norm.gain}) / std::sqrt(x.square().mean() + norm.epsilon);
}

/// Normalises each part of so many features alone. The gain is of one part, the same for all, or of all features.
inline void apply_to_parts(rms_norm const& norm, std::span<float> features, std::size_t part) noexcept {
  for (std::size_t at = 0; at < features.size(); at += part) {
    auto x = as_array(features.subspan(at, part));
    x *= as_array(std::span{norm.gain}.subspan(at % norm.gain.size(), part)) /
         std::sqrt(x.square().mean() + norm.epsilon);
  }
}

/// Normalises every token, `[token, feature]`.
[[nodiscard]] inline matrix apply(rms_norm const& norm, matrix x) {
  for (std::size_t token = 0; token < size(x.rows()); ++token) apply(norm, row_of(x, token));
  return x;
}

}  // namespace headcount::v0::reference
