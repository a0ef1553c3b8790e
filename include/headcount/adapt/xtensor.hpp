#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <type_traits>

// xtensor 0.26 moved its headers.
#if __has_include(<xtensor/core/xexpression.hpp>)
#include <xtensor/core/xexpression.hpp>
#else
#include <xtensor/xexpression.hpp>
#endif

#include <headcount/core/error.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/tensor.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// An xtensor container, adaptor or view whose elements lie in memory.
template <class Tensor>
concept xtensor_in_memory = xt::is_xexpression<std::remove_cv_t<Tensor>>::value && requires(Tensor& tensor) {
  *tensor.data();
  tensor.data_offset();
  tensor.strides();
  tensor.shape();
};

/// xt::xtensor, xt::xarray, what xt::adapt makes, and strided views of them. The rank of an xarray is known at run time
/// only: throws headcount::error when it is not the one asked for.
template <xtensor_in_memory Tensor>
struct tensor_access<Tensor> {
  template <std::size_t Rank>
  [[nodiscard]] static auto view(Tensor& tensor) {
    if (tensor.dimension() != Rank)
      fail("xtensor", text_of("it has ", tensor.dimension(), " axes"), text_of(Rank, " axes"));
    std::array<std::size_t, Rank> extents{};
    std::array<std::ptrdiff_t, Rank> strides{};
    std::ranges::copy(tensor.shape(), extents.begin());
    std::ranges::copy(tensor.strides(), strides.begin());
    auto* const data = tensor.data() + tensor.data_offset();
    return strided_view<std::remove_pointer_t<decltype(tensor.data())>, Rank>{data, extents, strides};
  }
};

}  // namespace headcount::v0
