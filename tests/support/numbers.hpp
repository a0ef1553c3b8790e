#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace support {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Numbers that are the same on every platform: the standard fixes the engine's output, the rest is written here.
class numbers {
 public:
  explicit numbers(std::uint64_t seed) : engine_{seed} {}

  /// In [low, high).
  [[nodiscard]] double between(double low, double high) {
    return low + (high - low) * (static_cast<double>(engine_() >> 11) * 0x1p-53);
  }
  /// In {0, ..., count - 1}.
  [[nodiscard]] std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }

  [[nodiscard]] std::vector<double> list(std::size_t count, double low, double high) {
    std::vector<double> values(count);
    for (auto& value : values) value = between(low, high);
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

/// Values in another number type.
template <class To, class From>
[[nodiscard]] std::vector<To> as(std::vector<From> const& values) {
  std::vector<To> converted;
  for (auto const value : values) converted.push_back(static_cast<To>(value));
  return converted;
}

/// |a - b| relative to the larger, or to `floor` where both are smaller; equal infinities are 0 apart.
[[nodiscard]] inline double distance(double a, double b, double floor = 1e-300) {
  if (a == b) return 0;
  return std::abs(a - b) / std::max({std::abs(a), std::abs(b), floor});
}

}  // namespace support
