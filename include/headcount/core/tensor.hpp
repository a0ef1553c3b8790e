#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/text.hpp>

namespace headcount::inline v0 {

/// How a tensor type is seen as a strided_view: specialise it for a type that is not shaped like std::mdspan.
/// A specialisation has one member, `static strided_view<Element, Rank> view(Tensor&)`, as a template over Rank.
/// The adapters in `adapt/` are specialisations of it.
template <class Tensor>
struct tensor_access;

/// A type that describes itself as std::mdspan and strided_view do.
template <class Tensor>
concept strided_tensor = requires(Tensor& tensor, std::size_t axis) {
  { std::remove_cvref_t<Tensor>::rank() } -> std::convertible_to<std::size_t>;
  { tensor.extent(axis) } -> std::convertible_to<std::size_t>;
  { tensor.stride(axis) } -> std::convertible_to<std::ptrdiff_t>;
} && (requires(Tensor& tensor) { { *tensor.data() }; } || requires(Tensor& tensor) { { *tensor.data_handle() }; });

template <strided_tensor Tensor>
struct tensor_access<Tensor> {
  template <std::size_t Rank>
    requires(Rank == std::remove_cvref_t<Tensor>::rank())
  [[nodiscard]] static auto view(Tensor& tensor) noexcept {
    auto* const data = [&] {
      if constexpr (requires { tensor.data_handle(); }) return tensor.data_handle();
      else return tensor.data();
    }();
    std::array<std::size_t, Rank> extents{};
    std::array<std::ptrdiff_t, Rank> strides{};
    for (std::size_t axis = 0; axis < Rank; ++axis) {
      extents[axis] = static_cast<std::size_t>(tensor.extent(axis));
      strides[axis] = static_cast<std::ptrdiff_t>(tensor.stride(axis));
    }
    return strided_view<std::remove_pointer_t<decltype(data)>, Rank>{data, extents, strides};
  }
};

/// A tensor of `Rank` axes over memory that can be walked by strides: strided_view, std::mdspan, and what an adapter
/// makes one (adapt/eigen.hpp, adapt/xtensor.hpp).
template <class Tensor, std::size_t Rank>
concept tensor = requires(std::remove_reference_t<Tensor>& values) {
  tensor_access<std::remove_reference_t<Tensor>>::template view<Rank>(values);
};

/// A tensor as a strided_view of `Rank` axes, slowest first. Nothing is copied.
template <std::size_t Rank, tensor<Rank> Tensor>
[[nodiscard]] auto view_of(Tensor&& values) {
  return tensor_access<std::remove_reference_t<Tensor>>::template view<Rank>(values);
}

/// Raw memory as a tensor, packed in row-major order.
/// Throws headcount::error when the span does not hold exactly the product of the extents.
template <class Element, std::size_t Rank>
[[nodiscard]] strided_view<Element, Rank> as_tensor(std::span<Element> values, std::size_t const (&extents)[Rank]) {
  std::size_t expected = 1;
  typename strided_view<Element, Rank>::extents_type shape{};
  for (std::size_t axis = 0; axis < Rank; ++axis) expected *= shape[axis] = extents[axis];
  if (values.size() != expected)
    throw error{"span seen as a tensor", text_of("it holds ", values.size(), " values, its shape needs ", expected)};
  return {values.data(), shape};
}

}  // namespace headcount::inline v0
