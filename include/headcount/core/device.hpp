#pragma once

/// Before functions that run on a GPU as well as on the host: `__host__ __device__` for a CUDA compiler, nothing for
/// any other. constexpr functions need no such word; CUDA compilers are told so by --expt-relaxed-constexpr.
#if defined(__CUDACC__)
#define HEADCOUNT_DEVICE __host__ __device__
#else
#define HEADCOUNT_DEVICE
#endif
