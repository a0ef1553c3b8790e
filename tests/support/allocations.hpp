#pragma once

#include <cstddef>

namespace support {

/// How often `operator new` was called so far in this program.
[[nodiscard]] std::size_t allocations() noexcept;

/// How many allocations a step makes.
template <class Step>
[[nodiscard]] std::size_t allocations_of(Step const& step) {
  auto const before = allocations();
  step();
  return allocations() - before;
}

}  // namespace support
