#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <Eigen/Core>
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xindex_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include <headcount/adapt/eigen.hpp>
#include <headcount/adapt/eigen_tensor.hpp>
#include <headcount/adapt/xtensor.hpp>
#include <headcount/headcount.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>

// The same weights and outputs in everybody's tensors: the same numbers seen, the same heads kept, the same outputs.

using namespace headcount;

namespace {

constexpr std::size_t batch = 2, heads = 5, queries = 3, keys = 7, dim = 4;
using axes = std::array<std::size_t, 4>;
constexpr axes weight_axes{batch, heads, queries, keys};
constexpr axes output_axes{batch, queries, heads, dim};

constexpr std::size_t offset(axes const& of, axes const& i) {
  return ((i[0] * of[1] + i[1]) * of[2] + i[2]) * of[3] + i[3];
}

template <class Visit>
void for_each_index(axes const& of, Visit const& visit) {
  for (std::size_t a = 0; a < of[0]; ++a)
    for (std::size_t b = 0; b < of[1]; ++b)
      for (std::size_t c = 0; c < of[2]; ++c)
        for (std::size_t d = 0; d < of[3]; ++d) visit(axes{a, b, c, d});
}

/// The numbers that every tensor holds, packed in row-major order.
struct numbers {
  std::vector<float> weights;
  std::vector<float> outputs;

  numbers() {
    support::numbers draw{77};
    for (std::size_t row = 0; row < batch * heads * queries; ++row)
      for (double const weight : support::softmax(draw.list(keys, -3, 3)))
        weights.push_back(static_cast<float>(weight));
    outputs = support::as<float>(draw.list(batch * queries * heads * dim, 1, 2));
  }
};

/// What a policy makes of the plain vectors.
template <class Policy>
std::vector<float> expected_outputs(Policy const& policy) {
  numbers plain;
  sparsify(policy, {}, as_tensor(plain.weights, {batch, heads, queries, keys}),
           as_tensor(plain.outputs, {batch, queries, heads, dim}));
  return plain.outputs;
}

/// Fills two tensors by their own indexing, runs a policy through them and reads them back by their own indexing.
/// `at(tensor, i)` is the element that the tensor's own library finds at four indices.
template <class Weights, class Outputs, class At>
void check_backend(Weights&& weights, Outputs&& outputs, At const& at) {
  static_assert(tensor<Weights, 4> && tensor<Outputs, 4>);
  numbers const plain;
  auto const check = [&](auto const& policy) {
    for_each_index(weight_axes, [&](axes const& i) { at(weights, i) = plain.weights[offset(weight_axes, i)]; });
    for_each_index(output_axes, [&](axes const& i) { at(outputs, i) = plain.outputs[offset(output_axes, i)]; });
    auto const view = view_of<4>(std::as_const(weights));
    for_each_index(weight_axes,
                   [&](axes const& i) { REQUIRE(&view(i[0], i[1], i[2], i[3]) == &std::as_const(at(weights, i))); });
    sparsify(policy, {}, weights, outputs);
    auto const expected = expected_outputs(policy);
    CHECK(std::ranges::count(expected, 0.0f) > 0);
    for_each_index(output_axes, [&](axes const& i) { REQUIRE(at(outputs, i) == expected[offset(output_axes, i)]); });
    for_each_index(weight_axes,
                   [&](axes const& i) { REQUIRE(at(weights, i) == plain.weights[offset(weight_axes, i)]); });
  };
  check(score::entropy{} | select::top_k{2});
  check(score::random{4} | select::top_k{1});
  check(any_policy{score::l2{} | select::threshold{0.55}});
}

/// A tensor shaped like std::mdspan with a layout of its own: data_handle, int extents and strides.
struct mdspan_like {
  using index_type = int;
  float* memory = nullptr;
  std::array<int, 4> extents{};
  std::array<int, 4> strides{};
  static constexpr std::size_t rank() noexcept { return 4; }
  [[nodiscard]] int extent(std::size_t axis) const { return extents[axis]; }
  [[nodiscard]] int stride(std::size_t axis) const { return strides[axis]; }
  [[nodiscard]] float* data_handle() const { return memory; }
};

auto const by_call = [](auto& tensor, axes const& i) -> float& {
  auto const index = [&](std::size_t axis) { return static_cast<std::ptrdiff_t>(i[axis]); };
  return tensor(index(0), index(1), index(2), index(3));
};

}  // namespace

TEST_CASE("backends: spans, vectors and raw memory") {
  std::vector<float> weights(batch * heads * queries * keys);
  std::vector<float> outputs(batch * queries * heads * dim);
  auto const at = [](auto& tensor, axes const& i) -> float& { return tensor(i[0], i[1], i[2], i[3]); };
  check_backend(as_tensor(weights, {batch, heads, queries, keys}),
                as_tensor(std::span{outputs}, {batch, queries, heads, dim}), at);
  check_backend(strided_view<float, 4>{weights.data(), weight_axes},
                strided_view<float, 4>{outputs.data(), output_axes}, at);
}

TEST_CASE("backends: a type shaped like std::mdspan, with the first axis fastest") {
  std::vector<float> weights(batch * heads * queries * keys);
  std::vector<float> outputs(2 * batch * queries * heads * dim);
  auto const at = [](mdspan_like const& tensor, axes const& i) -> float& {
    std::ptrdiff_t place = 0;
    for (std::size_t axis = 0; axis < 4; ++axis) place += static_cast<std::ptrdiff_t>(i[axis]) * tensor.strides[axis];
    return tensor.memory[place];
  };
  check_backend(mdspan_like{weights.data(), {2, 5, 3, 7}, {1, 2, 10, 30}},
                mdspan_like{outputs.data(), {2, 3, 5, 4}, {2, 4, 12, 60}}, at);
}

TEST_CASE("backends: Eigen::Tensor and Eigen::TensorMap in either storage order") {
  Eigen::Tensor<float, 4> weights(2, 5, 3, 7);
  Eigen::Tensor<float, 4, Eigen::RowMajor> outputs(2, 3, 5, 4);
  check_backend(weights, outputs, by_call);
  Eigen::TensorMap<Eigen::Tensor<float, 4, Eigen::RowMajor>> weights_map(weights.data(), 2, 5, 3, 7);
  Eigen::TensorMap<Eigen::Tensor<float, 4>> outputs_map(outputs.data(), 2, 3, 5, 4);
  check_backend(weights_map, outputs_map, by_call);
}

TEST_CASE("backends: xtensor's containers, adaptors and views, in either layout") {
  xt::xtensor<float, 4> weights{std::array<std::size_t, 4>{2, 5, 3, 7}};
  xt::xtensor<float, 4, xt::layout_type::column_major> outputs{std::array<std::size_t, 4>{2, 3, 5, 4}};
  check_backend(weights, outputs, by_call);
  xt::xarray<float> weights_array{std::vector<std::size_t>{2, 5, 3, 7}};
  xt::xarray<float> outputs_array{std::vector<std::size_t>{2, 3, 5, 4}};
  check_backend(weights_array, outputs_array, by_call);

  std::vector<float> weights_memory(2 * 5 * 3 * 7);
  std::vector<float> outputs_memory(2 * 3 * 5 * 4);
  check_backend(xt::adapt(weights_memory, std::array<std::size_t, 4>{2, 5, 3, 7}),
                xt::adapt(outputs_memory.data(), outputs_memory.size(), xt::no_ownership(),
                          std::array<std::size_t, 4>{2, 3, 5, 4}),
                by_call);

  xt::xtensor<float, 5> wide_weights = xt::zeros<float>({3, 2, 5, 4, 9});
  xt::xarray<float> wide_outputs = xt::zeros<float>({2, 5, 5, 8});
  check_backend(xt::view(wide_weights, 1, xt::all(), xt::all(), xt::range(1, 4), xt::range(2, 9)),
                xt::view(wide_outputs, xt::all(), xt::range(0, 5, 2), xt::all(), xt::range(1, 8, 2)), by_call);
}

TEST_CASE("backends: a layer of one query as Eigen matrices keeps the same heads") {
  numbers const plain;
  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  row_major const weights = Eigen::Map<row_major const>(plain.weights.data(), heads, keys);
  Eigen::MatrixXf const columns = weights;
  auto const policy = score::entropy{} | select::top_k{2};
  site const where{.heads = heads};
  auto const kept = [&](auto const& matrix) {
    auto const rows = view_of<2>(matrix);
    return decide(policy, where, [&](std::size_t head) { return rows[head]; });
  };
  auto const expected =
      decide(policy, where, [&](std::size_t head) { return std::span{plain.weights}.subspan(head * keys, keys); });
  CHECK(expected.size() == 2);
  CHECK(kept(weights) == expected);
  CHECK(kept(columns) == expected);
  CHECK(kept(columns.block(0, 0, heads, keys)) == expected);
}

// A tensor of another rank does not compile, or throws where the rank is known at run time only.
static_assert(!tensor<mdspan_like, 3> && !tensor<Eigen::Tensor<float, 3>, 4> && !tensor<Eigen::MatrixXf, 4>);
static_assert(!tensor<std::vector<float>, 4> && !tensor<float*, 4>);

TEST_CASE("xtensor: another rank than the one asked for is an error that says both") {
  xt::xarray<float> array = xt::zeros<float>({2, 3, 4});
  CHECK(view_of<3>(array).extent(2) == 4);
  CHECK_THROWS_WITH_AS((void)view_of<4>(array), "xtensor: it has 3 axes (allowed: 4 axes)", error);
  xt::xarray<float> outputs = xt::ones<float>({2, 3, 5, 4});
  CHECK_THROWS_AS(sparsify(none, {}, array, outputs), error);
  CHECK(outputs == xt::ones<float>({2, 3, 5, 4}));
}

TEST_CASE("xtensor: an expression whose elements lie nowhere, or not by strides, is no tensor") {
  xt::xtensor<float, 2> a = xt::zeros<float>({2, 3});
  static_assert(!tensor<decltype(a + a), 2>);
  auto picked = xt::view(a, xt::keep(1, 0), xt::all());
  static_assert(!tensor<decltype(picked), 2>);
  static_assert(tensor<decltype(xt::view(a, xt::all(), xt::range(0, 2))), 2>);
  static_assert(std::is_same_v<decltype(view_of<2>(std::as_const(a))), strided_view<float const, 2>>);
}
