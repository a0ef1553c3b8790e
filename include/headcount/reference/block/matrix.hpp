#pragma once

#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <headcount/version.hpp>

namespace headcount::v0::reference {

/// Activations, `[token, feature]`, row-major: a token's features lie side by side. Tokens of several sequences stand
/// one after the other, sequence by sequence, without padding.
using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// One feature vector, for element-wise arithmetic.
using row_array = Eigen::Array<float, 1, Eigen::Dynamic>;

/// Eigen's signed index from a size.
[[nodiscard]] constexpr Eigen::Index index(std::size_t size) noexcept { return static_cast<Eigen::Index>(size); }

/// The size an Eigen index stands for.
[[nodiscard]] constexpr std::size_t size(Eigen::Index index) noexcept { return static_cast<std::size_t>(index); }

/// Floats in memory as an Eigen row of numbers.
[[nodiscard]] inline auto as_array(std::span<float> values) noexcept {
  return Eigen::Map<row_array>{values.data(), index(values.size())};
}
[[nodiscard]] inline auto as_array(std::span<float const> values) noexcept {
  return Eigen::Map<row_array const>{values.data(), index(values.size())};
}

/// One token's features.
[[nodiscard]] inline std::span<float> row_of(matrix& values, std::size_t token) noexcept {
  return {values.data() + token * size(values.cols()), size(values.cols())};
}
[[nodiscard]] inline std::span<float const> row_of(matrix const& values, std::size_t token) noexcept {
  return {values.data() + token * size(values.cols()), size(values.cols())};
}

}  // namespace headcount::v0::reference
