#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include <unsupported/Eigen/CXX11/Tensor>

#include <headcount/core/strided_view.hpp>
#include <headcount/core/tensor.hpp>

namespace headcount::v0 {

/// Whether a type is an Eigen::Tensor, or a map of one, of whatever scalar and storage order.
template <class Tensor>
inline constexpr bool is_eigen_tensor = false;
template <class Scalar, int Rank, int Options, class Index>
inline constexpr bool is_eigen_tensor<Eigen::Tensor<Scalar, Rank, Options, Index>> = true;
template <class Plain, int Options, template <class> class Pointer>
inline constexpr bool is_eigen_tensor<Eigen::TensorMap<Plain, Options, Pointer>> = true;
template <class Tensor>
inline constexpr bool is_eigen_tensor_map = false;
template <class Plain, int Options, template <class> class Pointer>
inline constexpr bool is_eigen_tensor_map<Eigen::TensorMap<Plain, Options, Pointer>> = true;

/// Eigen::Tensor and Eigen::TensorMap, in either storage order; axes keep Eigen's order.
template <class Tensor>
  requires is_eigen_tensor<std::remove_cv_t<Tensor>>
struct tensor_access<Tensor> {
  static constexpr bool borrowed = is_eigen_tensor_map<std::remove_cv_t<Tensor>>;

  template <std::size_t Rank>
    requires(Rank == static_cast<std::size_t>(Tensor::NumDimensions))
  [[nodiscard]] static auto view(Tensor& tensor) noexcept {
    std::array<std::size_t, Rank> extents{};
    std::array<std::ptrdiff_t, Rank> strides{};
    constexpr bool row_major = static_cast<int>(Tensor::Layout) == static_cast<int>(Eigen::RowMajor);
    std::ptrdiff_t stride = 1;
    for (std::size_t step = 0; step < Rank; ++step) {
      auto const axis = row_major ? Rank - 1 - step : step;
      extents[axis] = static_cast<std::size_t>(tensor.dimensions()[axis]);
      strides[axis] = stride;
      stride *= static_cast<std::ptrdiff_t>(extents[axis]);
    }
    return strided_view<std::remove_pointer_t<decltype(tensor.data())>, Rank>{tensor.data(), extents, strides};
  }
};

}  // namespace headcount::v0
