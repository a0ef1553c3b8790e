#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include <headcount/version.hpp>

namespace headcount::v0::reference {

/// The number formats that weights may be stored in.
enum class dtype : unsigned char { float32, bfloat16, float16 };

/// Bytes of one number.
[[nodiscard]] constexpr std::size_t bytes_of(dtype type) noexcept { return type == dtype::float32 ? 4 : 2; }

/// The name people know the format by.
[[nodiscard]] constexpr std::string_view name_of(dtype type) noexcept {
  return type == dtype::float32 ? "float32" : type == dtype::bfloat16 ? "bfloat16" : "float16";
}

/// A tensor of weights where it lies, e.g. in a mapped file: row-major, in its own format, aligned for it. It does not
/// own the memory, unless it says so: the model that holds it keeps its storage alive.
struct weights {
  dtype type = dtype::float32;
  std::byte const* data = nullptr;
  std::vector<std::size_t> shape{};
  std::shared_ptr<std::byte const> owned{};  ///< the numbers, where they lie in no file; see gather_rows
  bool gathered = false;                     ///< whether they are copies of those in a file

  /// Values a row of the slowest axis holds.
  [[nodiscard]] std::size_t row_size() const noexcept {
    std::size_t values = 1;
    for (std::size_t axis = 1; axis < shape.size(); ++axis) values *= shape[axis];
    return values;
  }
  [[nodiscard]] std::size_t rows() const noexcept { return shape.empty() ? 1 : shape.front(); }
  [[nodiscard]] std::size_t size() const noexcept { return rows() * row_size(); }

  /// The address of value `index`, as numbers of the stored format.
  template <class Number>
  [[nodiscard]] Number const* at(std::size_t index) const noexcept {
    return reinterpret_cast<Number const*>(data) + index;
  }
};

/// A bfloat16 is the upper half of a float32.
[[nodiscard]] constexpr float widen(std::uint16_t bfloat16) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat16) << 16);
}

/// Copies values [first, first + to.size()) into `to` as float32. Weights without numbers, which a source that knows
/// shapes alone gives, are zeros.
inline void widen(weights const& from, std::size_t first, std::span<float> to) noexcept {
  if (from.data == nullptr) return std::fill(to.begin(), to.end(), 0.0f);
  switch (from.type) {
    case dtype::float32:
      std::memcpy(to.data(), from.at<float>(first), to.size_bytes());
      break;
    case dtype::bfloat16: {
      auto const* const values = from.at<std::uint16_t>(first);
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = widen(values[i]);
      break;
    }
    case dtype::float16: {
      auto const* const values = from.at<Eigen::half>(first);
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(values[i]);
      break;
    }
  }
}

/// All values as float32: for the small tensors that are used number by number.
[[nodiscard]] inline std::vector<float> widen_all(weights const& from) {
  std::vector<float> values(from.size());
  widen(from, 0, values);
  return values;
}

}  // namespace headcount::v0::reference
