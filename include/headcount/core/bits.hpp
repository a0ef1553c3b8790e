#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include <headcount/core/device.hpp>
#include <headcount/version.hpp>

namespace headcount::v0 {

// std::popcount and std::countr_zero, on the host and on a device, where those of libstdc++ quietly give 0.

/// How many bits are set.
[[nodiscard]] HEADCOUNT_DEVICE constexpr int set_bits(std::uint64_t word) noexcept {
#if defined(__CUDA_ARCH__)
  if (!std::is_constant_evaluated()) return __popcll(word);
#endif
  return std::popcount(word);
}

/// Where the lowest set bit is; `word` is not 0.
[[nodiscard]] HEADCOUNT_DEVICE constexpr int lowest_bit(std::uint64_t word) noexcept {
#if defined(__CUDA_ARCH__)
  if (!std::is_constant_evaluated()) return __ffsll(static_cast<long long>(word)) - 1;
#endif
  return std::countr_zero(word);
}

}  // namespace headcount::v0
