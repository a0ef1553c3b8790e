#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/tensor.hpp>

using namespace headcount;

namespace {

/// What std::mdspan shows of itself: extents and strides of its own index type, data_handle instead of data.
template <class Element>
struct mdspan_shaped {
  using index_type = int;
  Element* memory = nullptr;
  std::array<int, 2> extents{};
  std::array<int, 2> strides{};

  static constexpr std::size_t rank() noexcept { return 2; }
  [[nodiscard]] int extent(std::size_t axis) const { return extents[axis]; }
  [[nodiscard]] int stride(std::size_t axis) const { return strides[axis]; }
  [[nodiscard]] Element* data_handle() const { return memory; }
};

/// A tensor that is not shaped like std::mdspan, and is given to the library by tensor_access.
struct engine_tensor {
  float* memory = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
};

struct without_stride {
  float* memory = nullptr;
  static constexpr std::size_t rank() noexcept { return 2; }
  [[nodiscard]] std::size_t extent(std::size_t) const { return 0; }
  [[nodiscard]] float* data() const { return memory; }
};

}  // namespace

template <>
struct headcount::tensor_access<engine_tensor> {
  template <std::size_t Rank>
    requires(Rank == 2)
  static strided_view<float, 2> view(engine_tensor& values) {
    return {values.memory, {values.rows, values.columns}};
  }
};

static_assert(tensor<strided_view<float, 4>, 4>);
static_assert(tensor<strided_view<float, 4> const, 4>);
static_assert(tensor<strided_view<float const, 4>&, 4>);
static_assert(tensor<strided_view<double, 4>&&, 4>);
static_assert(!tensor<strided_view<float, 4>, 3>);
static_assert(tensor<mdspan_shaped<float>, 2>);
static_assert(tensor<mdspan_shaped<float const> const&, 2>);
static_assert(!tensor<mdspan_shaped<float>, 3>);
static_assert(tensor<engine_tensor, 2>);
static_assert(!tensor<engine_tensor, 1>);
static_assert(!tensor<engine_tensor const, 2>, "the specialisation above is for the type that writes");
static_assert(!tensor<std::vector<float>, 1>);
static_assert(!tensor<std::span<float>, 1>);
static_assert(!tensor<float*, 1>);
static_assert(!tensor<int, 1>);
static_assert(!tensor<without_stride, 2>);

TEST_CASE("tensor: a type shaped like std::mdspan is seen with its own strides and elements") {
  std::vector<float> memory{0, 1, 2, 3, 4, 5};
  mdspan_shaped<float const> const columns{memory.data(), {2, 3}, {1, 2}};
  auto const view = view_of<2>(columns);
  static_assert(std::same_as<decltype(view), strided_view<float const, 2> const>);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j) CHECK(&view(i, j) == &memory[i + 2 * j]);
  CHECK(view.extent(0) == 2);
  CHECK(view.extent(1) == 3);
}

TEST_CASE("tensor: any other type becomes one by a specialisation of tensor_access") {
  std::vector<float> memory(6);
  engine_tensor values{memory.data(), 3, 2};
  view_of<2>(values)(2, 1) = 7;
  CHECK(memory[5] == 7);
}

TEST_CASE("tensor: a strided_view is seen as itself") {
  std::vector<float> memory(24);
  strided_view<float, 3> const view{memory.data(), {4, 2, 3}, {1, 12, 4}};
  auto const seen = view_of<3>(view);
  CHECK(seen.data() == view.data());
  for (std::size_t axis = 0; axis < 3; ++axis) {
    CHECK(seen.extent(axis) == view.extent(axis));
    CHECK(seen.stride(axis) == view.stride(axis));
  }
}

TEST_CASE("as_tensor: memory is packed in row-major order, and keeps its constness") {
  std::vector<float> memory{0, 1, 2, 3, 4, 5};
  std::vector<float> const constant = memory;
  std::array<double, 4> array{};
  auto const view = as_tensor(std::span{memory}, {2, 3});
  CHECK(&view(1, 2) == &memory[5]);
  CHECK(&view(1, 0) == &memory[3]);
  CHECK(&as_tensor(memory, {3, 1, 2})(2, 0, 1) == &memory[5]);
  static_assert(std::same_as<decltype(as_tensor(memory, {6})), strided_view<float, 1>>);
  static_assert(std::same_as<decltype(as_tensor(constant, {2, 3})), strided_view<float const, 2>>);
  static_assert(std::same_as<decltype(as_tensor(std::span<float const>{}, {1, 2})), strided_view<float const, 2>>);
  static_assert(std::same_as<decltype(as_tensor(array, {2, 2})), strided_view<double, 2>>);
}

TEST_CASE("as_tensor: memory of another size than the shape's is an error that says both") {
  std::vector<float> memory(6);
  CHECK_THROWS_WITH_AS((void)as_tensor(memory, {2, 4}), "memory seen as a tensor: it holds 6 values, its shape needs 8",
                       error);
  CHECK_THROWS_AS((void)as_tensor(memory, {5}), error);
  CHECK_THROWS_AS((void)as_tensor(std::span{memory}.first(0), {1}), error);
  CHECK_NOTHROW((void)as_tensor(std::span{memory}.first(0), {3, 0}));
}
