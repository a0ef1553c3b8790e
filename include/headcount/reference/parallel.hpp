#pragma once

#include <cstddef>
#include <exception>

#ifdef _OPENMP
#include <omp.h>

#include <headcount/version.hpp>
#endif

namespace headcount::v0::reference {

/// Threads that for_each_index runs on at most.
[[nodiscard]] inline std::size_t thread_count() noexcept {
#ifdef _OPENMP
  return static_cast<std::size_t>(omp_get_max_threads());
#else
  return 1;
#endif
}

/// Calls step(0), ..., step(count - 1), on several threads when compiled with OpenMP (OMP_NUM_THREADS says how many),
/// in order otherwise. Steps must not depend on each other, so results do not depend on the number of threads. Inside
/// another such loop it runs on the calling thread. The first exception is rethrown once all steps have ended.
template <class Step>
void for_each_index(std::size_t count, Step const& step) {
#ifdef _OPENMP
  if (omp_in_parallel() == 0) {
    std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic)
    for (std::size_t index = 0; index < count; ++index) {
      try {
        step(index);
      } catch (...) {
#pragma omp critical(headcount_first_failure)
        if (!failure) failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
    return;
  }
#endif
  for (std::size_t index = 0; index < count; ++index) step(index);
}

}  // namespace headcount::v0::reference
