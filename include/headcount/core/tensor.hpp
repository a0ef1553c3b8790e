#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0 {

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

/// A tensor whose elements outlive it, as those of std::mdspan do: what copies as bytes, or says so by
/// `static constexpr bool borrowed` of its tensor_access, as Eigen's maps and blocks. xtensor's types, which may own
/// what they adapt, are none.
template <class Tensor>
concept borrowed_tensor = requires { requires tensor_access<std::remove_reference_t<Tensor>>::borrowed; } ||
                          (strided_tensor<Tensor> && std::is_trivially_copyable_v<std::remove_cvref_t<Tensor>>);

/// A tensor as a strided_view of `Rank` axes, slowest first. Nothing is copied.
template <std::size_t Rank, class Tensor>
[[nodiscard]] auto view_of(Tensor&& values) {
  static_assert(std::is_lvalue_reference_v<Tensor> || borrowed_tensor<Tensor> || !tensor<Tensor, Rank>,
                "headcount: this tensor dies with this line, and a view of it would stay; name it first");
  static_assert(
      tensor<Tensor, Rank>,
      "headcount: this is no tensor of so many axes; see as_tensor for memory, and include the adapter "
      "(headcount/adapt/) of another library's tensors; one of your own has rank(), extent(axis), stride(axis) and "
      "data(), as std::mdspan has");
  if constexpr (tensor<Tensor, Rank>)
    return tensor_access<std::remove_reference_t<Tensor>>::template view<Rank>(values);
}

/// Raw memory as a tensor, packed in row-major order: a span, a vector, an array. Nothing is copied.
/// Throws headcount::error when it does not hold exactly the product of the extents.
template <std::ranges::contiguous_range Memory, std::size_t Rank>
  requires std::ranges::borrowed_range<Memory> && std::ranges::sized_range<Memory>
[[nodiscard]] auto as_tensor(Memory&& memory, std::size_t const (&extents)[Rank]) {
  std::size_t expected = 1;
  std::array<std::size_t, Rank> shape{};
  for (std::size_t axis = 0; axis < Rank; ++axis) expected *= shape[axis] = extents[axis];
  if (std::ranges::size(memory) != expected)
    fail("memory seen as a tensor",
         text_of("it holds ", std::ranges::size(memory), " values, its shape needs ", expected));
  using element = std::remove_reference_t<std::ranges::range_reference_t<Memory>>;
  return strided_view<element, Rank>{std::ranges::data(memory), shape};
}

/// Refuses memory that does not say how much it is, or that would be gone at once, saying so.
template <class Memory, std::size_t Rank>
  requires(!std::ranges::contiguous_range<Memory> || !std::ranges::borrowed_range<Memory> ||
           !std::ranges::sized_range<Memory>)
void as_tensor(Memory&&, std::size_t const (&)[Rank]) {
  static_assert(std::ranges::contiguous_range<Memory> && std::ranges::sized_range<Memory>,
                "headcount: this memory does not say how much it is; give std::span{pointer, count}");
  static_assert(std::ranges::borrowed_range<Memory>,
                "headcount: this memory dies with this line, and the tensor would stay; name it first");
}

}  // namespace headcount::v0
