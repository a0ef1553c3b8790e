#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// Walks elements `stride` apart: the iterator of a view of rank 1.
template <class Element>
class strided_iterator {
 public:
  using value_type = std::remove_cv_t<Element>;
  using difference_type = std::ptrdiff_t;
  using reference = Element&;
  using pointer = Element*;
  using iterator_category = std::random_access_iterator_tag;

  constexpr strided_iterator() noexcept = default;
  constexpr strided_iterator(Element* base, difference_type stride, difference_type index) noexcept
      : base_{base}, stride_{stride}, index_{index} {}

  [[nodiscard]] constexpr reference operator*() const noexcept { return base_[index_ * stride_]; }
  [[nodiscard]] constexpr pointer operator->() const noexcept { return base_ + index_ * stride_; }
  [[nodiscard]] constexpr reference operator[](difference_type n) const noexcept {
    return base_[(index_ + n) * stride_];
  }

  constexpr strided_iterator& operator+=(difference_type n) noexcept { return index_ += n, *this; }
  constexpr strided_iterator& operator-=(difference_type n) noexcept { return index_ -= n, *this; }
  constexpr strided_iterator& operator++() noexcept { return *this += 1; }
  constexpr strided_iterator& operator--() noexcept { return *this -= 1; }
  constexpr strided_iterator operator++(int) noexcept {
    auto const before = *this;
    ++*this;
    return before;
  }
  constexpr strided_iterator operator--(int) noexcept {
    auto const before = *this;
    --*this;
    return before;
  }
  [[nodiscard]] friend constexpr strided_iterator operator+(strided_iterator i, difference_type n) noexcept {
    return i += n;
  }
  [[nodiscard]] friend constexpr strided_iterator operator+(difference_type n, strided_iterator i) noexcept {
    return i += n;
  }
  [[nodiscard]] friend constexpr strided_iterator operator-(strided_iterator i, difference_type n) noexcept {
    return i -= n;
  }
  [[nodiscard]] friend constexpr difference_type operator-(strided_iterator a, strided_iterator b) noexcept {
    return a.index_ - b.index_;
  }
  [[nodiscard]] friend constexpr bool operator==(strided_iterator a, strided_iterator b) noexcept {
    return a.index_ == b.index_;
  }
  [[nodiscard]] friend constexpr auto operator<=>(strided_iterator a, strided_iterator b) noexcept {
    return a.index_ <=> b.index_;
  }

 private:
  Element* base_ = nullptr;
  difference_type stride_ = 1;
  difference_type index_ = 0;
};

/// A tensor somebody else owns: a pointer, an extent and a stride (in elements) for each axis, slowest axis first.
/// Every adapter returns one, so engines that order axes differently all look alike. Indices are not checked.
template <class Element, std::size_t Rank>
  requires(Rank >= 1)
class strided_view {
 public:
  using element_type = Element;
  using value_type = std::remove_cv_t<Element>;
  using extents_type = std::array<std::size_t, Rank>;
  using strides_type = std::array<std::ptrdiff_t, Rank>;

  constexpr strided_view() noexcept = default;

  /// Elements packed in row-major order: the last axis is the fastest.
  constexpr strided_view(Element* data, extents_type extents) noexcept : data_{data}, extents_{extents} {
    std::ptrdiff_t stride = 1;
    for (std::size_t axis = Rank; axis-- > 0; stride *= static_cast<std::ptrdiff_t>(extents[axis]))
      strides_[axis] = stride;
  }

  constexpr strided_view(Element* data, extents_type extents, strides_type strides) noexcept
      : data_{data}, extents_{extents}, strides_{strides} {}

  /// A contiguous range is a view of rank 1.
  template <class Other, std::size_t Extent>
    requires(Rank == 1 && std::is_convertible_v<Other (*)[], Element (*)[]>)
  constexpr strided_view(std::span<Other, Extent> values) noexcept : strided_view{values.data(), {values.size()}} {}

  /// A view that may write becomes one that only reads.
  constexpr operator strided_view<Element const, Rank>() const noexcept
    requires(!std::is_const_v<Element>)
  {
    return {data_, extents_, strides_};
  }

  [[nodiscard]] static constexpr std::size_t rank() noexcept { return Rank; }
  [[nodiscard]] constexpr Element* data() const noexcept { return data_; }
  [[nodiscard]] constexpr std::size_t extent(std::size_t axis) const noexcept { return extents_[axis]; }
  [[nodiscard]] constexpr std::ptrdiff_t stride(std::size_t axis) const noexcept { return strides_[axis]; }

  template <std::convertible_to<std::size_t>... Index>
    requires(sizeof...(Index) == Rank)
  [[nodiscard]] constexpr Element& operator()(Index... index) const noexcept {
    std::ptrdiff_t offset = 0;
    std::size_t axis = 0;
    ((offset += static_cast<std::ptrdiff_t>(index) * strides_[axis++]), ...);
    return data_[offset];
  }

  /// The part of the tensor at one index of the slowest axis; for rank 1, the element.
  [[nodiscard]] constexpr decltype(auto) operator[](std::size_t index) const noexcept {
    auto* const start = data_ + static_cast<std::ptrdiff_t>(index) * strides_[0];
    if constexpr (Rank == 1) {
      return (*start);
    } else {
      strided_view<Element, Rank - 1> part;
      for (std::size_t axis = 1; axis < Rank; ++axis) {
        part.extents_[axis - 1] = extents_[axis];
        part.strides_[axis - 1] = strides_[axis];
      }
      part.data_ = start;
      return part;
    }
  }

  /// `count` indices of the slowest axis, from `begin`.
  [[nodiscard]] constexpr strided_view slice(std::size_t begin, std::size_t count) const noexcept {
    auto part = *this;
    part.data_ += static_cast<std::ptrdiff_t>(begin) * strides_[0];
    part.extents_[0] = count;
    return part;
  }

  // A view of rank 1 is a random-access range, and a span where its elements lie side by side.
  [[nodiscard]] constexpr std::size_t size() const noexcept
    requires(Rank == 1)
  {
    return extents_[0];
  }
  [[nodiscard]] constexpr auto begin() const noexcept
    requires(Rank == 1)
  {
    return strided_iterator<Element>{data_, strides_[0], 0};
  }
  [[nodiscard]] constexpr auto end() const noexcept
    requires(Rank == 1)
  {
    return strided_iterator<Element>{data_, strides_[0], static_cast<std::ptrdiff_t>(extents_[0])};
  }
  [[nodiscard]] constexpr bool is_contiguous() const noexcept
    requires(Rank == 1)
  {
    return strides_[0] == 1 || extents_[0] < 2;
  }
  [[nodiscard]] constexpr std::span<Element> as_span() const noexcept
    requires(Rank == 1)
  {
    return {data_, extents_[0]};
  }

 private:
  template <class, std::size_t R>
    requires(R >= 1)
  friend class strided_view;

  Element* data_ = nullptr;
  extents_type extents_{};
  strides_type strides_{};
};

}  // namespace headcount::v0
