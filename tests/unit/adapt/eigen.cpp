#include <array>
#include <concepts>
#include <cstddef>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <Eigen/Core>
#include <headcount/adapt/eigen.hpp>
#include <headcount/adapt/eigen_tensor.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/tensor.hpp>

using namespace headcount;

namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using column_major = Eigen::MatrixXf;
using strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;

static_assert(tensor<row_major, 2> && tensor<column_major, 2> && tensor<column_major const, 2>);
static_assert(tensor<Eigen::ArrayXXd, 2> && tensor<Eigen::Matrix3f, 2> && tensor<Eigen::VectorXf, 2>);
static_assert(tensor<Eigen::Map<row_major>, 2> && tensor<Eigen::Map<row_major const, 0, strides>, 2>);
static_assert(tensor<Eigen::Block<column_major>, 2> && tensor<Eigen::Ref<column_major>, 2>);
static_assert(!tensor<row_major, 1> && !tensor<row_major, 3> && !tensor<Eigen::VectorXf, 1>);
static_assert(!tensor<decltype(std::declval<row_major>() + std::declval<row_major>()), 2>, "its elements lie nowhere");
static_assert(std::same_as<decltype(view_of<2>(std::declval<row_major const&>())), strided_view<float const, 2>>);
static_assert(std::same_as<decltype(view_of<2>(std::declval<row_major&>())), strided_view<float, 2>>);
static_assert(std::same_as<decltype(view_of<2>(std::declval<Eigen::ArrayXXd&>())), strided_view<double, 2>>);

static_assert(tensor<Eigen::Tensor<float, 4>, 4> && tensor<Eigen::Tensor<float, 4, Eigen::RowMajor> const, 4>);
static_assert(tensor<Eigen::TensorMap<Eigen::Tensor<float, 3>>, 3>);
static_assert(!tensor<Eigen::Tensor<float, 4>, 3> && !tensor<Eigen::Tensor<float, 3>, 4>);
static_assert(
    !tensor<decltype(std::declval<Eigen::Tensor<float, 2>&>() + std::declval<Eigen::Tensor<float, 2>&>()), 2>);

template <class Matrix>
Matrix counting(Eigen::Index rows, Eigen::Index columns) {
  Matrix matrix(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < columns; ++j) matrix(i, j) = static_cast<typename Matrix::Scalar>(10 * i + j);
  return matrix;
}

/// Checks that a view has a matrix's own elements in their places.
template <class Matrix>
void check_same_elements(Matrix&& matrix) {
  auto const view = view_of<2>(matrix);
  REQUIRE(view.extent(0) == static_cast<std::size_t>(matrix.rows()));
  REQUIRE(view.extent(1) == static_cast<std::size_t>(matrix.cols()));
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
      auto& element = view(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
      CHECK(&element == &matrix.coeffRef(i, j));
    }
}

template <class Tensor>
void check_same_tensor_elements(Tensor& tensor) {
  auto const view = view_of<3>(tensor);
  auto const index = [](std::size_t i) { return static_cast<Eigen::Index>(i); };
  for (std::size_t axis = 0; axis < 3; ++axis)
    REQUIRE(view.extent(axis) == static_cast<std::size_t>(tensor.dimension(axis)));
  for (std::size_t i = 0; i < view.extent(0); ++i)
    for (std::size_t j = 0; j < view.extent(1); ++j)
      for (std::size_t k = 0; k < view.extent(2); ++k) CHECK(&view(i, j, k) == &tensor(index(i), index(j), index(k)));
}

}  // namespace

TEST_CASE("eigen: a matrix or array is seen with its own elements, in either storage order") {
  auto rows = counting<row_major>(3, 4);
  auto columns = counting<column_major>(3, 4);
  auto array = counting<Eigen::ArrayXXd>(2, 5);
  Eigen::Matrix<float, 2, 3> fixed = counting<column_major>(2, 3);
  check_same_elements(rows);
  check_same_elements(columns);
  check_same_elements(array);
  check_same_elements(fixed);
  CHECK(view_of<2>(rows).stride(1) == 1);
  CHECK(view_of<2>(columns).stride(0) == 1);
  CHECK(view_of<2>(std::as_const(columns))(2, 1) == 21);
}

TEST_CASE("eigen: blocks, maps with strides and references keep their parent's strides") {
  auto rows = counting<row_major>(5, 6);
  auto columns = counting<column_major>(5, 6);
  check_same_elements(rows.block(1, 2, 3, 3));
  check_same_elements(columns.block(1, 2, 3, 3));
  check_same_elements(columns.row(2));
  check_same_elements(rows.col(2));
  check_same_elements(columns.transpose());
  Eigen::Ref<column_major> reference{columns};
  check_same_elements(reference);
  std::vector<float> memory(40);
  check_same_elements(Eigen::Map<row_major, 0, strides>{memory.data(), 3, 4, strides{12, 3}});
  check_same_elements(Eigen::Map<column_major, 0, strides>{memory.data(), 3, 4, strides{9, 2}});
  view_of<2>(rows.block(1, 2, 3, 3))(0, 0) = -1;
  CHECK(rows(1, 2) == -1);
}

TEST_CASE("eigen: a vector is a matrix with one column") {
  Eigen::VectorXf vector = counting<column_major>(4, 1);
  check_same_elements(vector);
  CHECK(view_of<2>(vector).extent(1) == 1);
}

TEST_CASE("eigen tensor: a tensor or map is seen with its own elements, in either storage order") {
  Eigen::Tensor<float, 3> columns(2, 3, 4);
  Eigen::Tensor<float, 3, Eigen::RowMajor> rows(2, 3, 4);
  std::vector<double> memory(24);
  Eigen::TensorMap<Eigen::Tensor<double, 3, Eigen::RowMajor>> map(memory.data(), 4, 3, 2);
  check_same_tensor_elements(columns);
  check_same_tensor_elements(rows);
  check_same_tensor_elements(map);
  CHECK(view_of<3>(columns).stride(0) == 1);
  CHECK(view_of<3>(rows).stride(2) == 1);
  static_assert(std::same_as<decltype(view_of<3>(std::as_const(rows))), strided_view<float const, 3>>);
  CHECK(view_of<3>(std::as_const(rows)).data() == rows.data());
}
