#pragma once

#include <concepts>
#include <cstddef>
#include <utility>

#include <headcount/core/holder_count.hpp>
#include <headcount/version.hpp>

namespace headcount::v0 {

/// A value that several hold and nobody changes, freed with its last holder: what std::shared_ptr<Value const> is,
/// without the header memory, which is a fifth of what a policy's headers cost to compile. Copying is safe between
/// threads.
template <class Value>
class shared {
 public:
  shared() noexcept = default;
  shared(std::nullptr_t) noexcept {}

  /// A value of a class of Value's, made of these.
  template <std::derived_from<Value> Made, class... Of>
  [[nodiscard]] static shared make(Of&&... of) {
    auto* const made = new box<Made>(std::forward<Of>(of)...);
    return shared{made, &made->value};
  }

  shared(shared const& other) noexcept : counted_{other.counted_}, value_{other.value_} {
    if (counted_ != nullptr) counted_->holders.add();
  }
  shared(shared&& other) noexcept
      : counted_{std::exchange(other.counted_, nullptr)}, value_{std::exchange(other.value_, nullptr)} {}
  shared& operator=(shared other) noexcept {
    std::swap(counted_, other.counted_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~shared() {
    if (counted_ != nullptr && counted_->holders.remove()) delete counted_;
  }

  [[nodiscard]] Value const* get() const noexcept { return value_; }
  [[nodiscard]] Value const& operator*() const noexcept { return *value_; }
  [[nodiscard]] Value const* operator->() const noexcept { return value_; }
  [[nodiscard]] explicit operator bool() const noexcept { return value_ != nullptr; }
  /// Whether both hold the same object.
  [[nodiscard]] friend bool operator==(shared const& a, shared const& b) noexcept { return a.value_ == b.value_; }

 private:
  struct counted {
    holder_count holders;
    virtual ~counted() = default;
  };
  template <class Made>
  struct box final : counted {
    template <class... Of>
    explicit box(Of&&... of) : value(std::forward<Of>(of)...) {}
    Made value;
  };

  shared(counted* holder, Value const* value) noexcept : counted_{holder}, value_{value} {}

  counted* counted_ = nullptr;
  Value const* value_ = nullptr;
};

}  // namespace headcount::v0
