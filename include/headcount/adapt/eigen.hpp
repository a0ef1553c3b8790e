#pragma once

#include <cstddef>
#include <type_traits>

#include <Eigen/Core>

#include <headcount/core/strided_view.hpp>
#include <headcount/core/tensor.hpp>

namespace headcount::v0 {

/// An Eigen matrix, array or map whose elements lie in memory.
template <class Matrix>
concept eigen_matrix = std::is_base_of_v<Eigen::DenseBase<std::remove_cv_t<Matrix>>, std::remove_cv_t<Matrix>> &&
                       (std::remove_cv_t<Matrix>::Flags & Eigen::DirectAccessBit) != 0;

/// Eigen's dense types are tensors of rank 2, `[row, column]`, in either storage order.
template <eigen_matrix Matrix>
struct tensor_access<Matrix> {
  /// Maps and blocks see elements of somebody else's.
  static constexpr bool borrowed =
      !std::is_base_of_v<Eigen::PlainObjectBase<std::remove_cv_t<Matrix>>, std::remove_cv_t<Matrix>>;

  template <std::size_t Rank>
    requires(Rank == 2)
  [[nodiscard]] static auto view(Matrix& matrix) noexcept {
    return strided_view<std::remove_pointer_t<decltype(matrix.data())>, 2>{
        matrix.data(),
        {static_cast<std::size_t>(matrix.rows()), static_cast<std::size_t>(matrix.cols())},
        {matrix.rowStride(), matrix.colStride()}};
  }
};

}  // namespace headcount::v0
