#pragma once

#include <cstddef>
#if !defined(__GNUC__)
#include <atomic>
#endif

#include <headcount/version.hpp>

namespace headcount::v0 {

/// How many hold a value, counted by any number of threads, from 1 on. By the builtins of GCC and Clang where there are
/// some: libstdc++'s `<atomic>`, with the waiting of C++20, is an eighth of what a policy's headers cost to compile.
class holder_count {
 public:
#if defined(__GNUC__)
  void add() noexcept { __atomic_fetch_add(&holders_, 1, __ATOMIC_RELAXED); }
  /// Whether the last one went.
  [[nodiscard]] bool remove() noexcept { return __atomic_fetch_sub(&holders_, 1, __ATOMIC_ACQ_REL) == 1; }

 private:
  std::size_t holders_ = 1;
#else
  void add() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool remove() noexcept { return holders_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  std::atomic<std::size_t> holders_{1};
#endif
};

}  // namespace headcount::v0
