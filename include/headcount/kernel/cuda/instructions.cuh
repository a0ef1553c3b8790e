#pragma once

#include <cstdint>

#include <cuda.h>
#include <cuda_runtime.h>

#include <headcount/version.hpp>

// What CUDA C++ has no words for: barriers that count bytes, asynchronous copies, matrices to registers, and launches
// that overlap. Where a device has no such instruction (sm_80 has no copy engine and no dependent launch) a function
// does nothing, and nobody calls it.

namespace headcount::v0::cuda {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

/// Where in the block's shared memory, in bytes.
__device__ __forceinline__ u32 shared_address(void const* at) { return static_cast<u32>(__cvta_generic_to_shared(at)); }

// Barriers in shared memory that the copy engine tells of bytes; one arrival a phase.

__device__ __forceinline__ void barrier_init(u32 at) {
  asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(at) : "memory");
}
__device__ __forceinline__ void barrier_expect(u32 at, u32 bytes) {
#if __CUDA_ARCH__ >= 900
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(at), "r"(bytes) : "memory");
#endif
}
__device__ __forceinline__ void barrier_wait(u32 at, u32 parity) {
#if __CUDA_ARCH__ >= 900
  u32 done;
  do {
    asm volatile("{\n .reg .pred p;\n mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n selp.u32 %0, 1, 0, p;\n}"
                 : "=r"(done)
                 : "r"(at), "r"(parity)
                 : "memory");
  } while (!done);
#endif
}
/// Makes initialised barriers known to the copy engine.
__device__ __forceinline__ void show_barriers() {
#if __CUDA_ARCH__ >= 900
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}
/// Orders what threads did in shared memory before what the copy engine will do there.
__device__ __forceinline__ void order_copies() {
#if __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/// Bytes that are read once: the first that the L2 cache gives up.
__device__ __forceinline__ u64 read_once() {
  u64 policy;
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}
/// Bytes that the next kernel reads: the last that the L2 cache gives up.
__device__ __forceinline__ u64 read_again() {
  u64 policy;
  asm volatile("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

/// Brings a tensor map to where the copy engine looks for it.
__device__ __forceinline__ void prefetch_map(CUtensorMap const* map) {
#if __CUDA_ARCH__ >= 900
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
#endif
}
/// The copy engine brings a box of a 5-dimensional tensor: from key `key` of `head` of `page` on.
__device__ __forceinline__ void load_box(u32 to, CUtensorMap const* map, int key, int head, int page, u32 barrier,
                                         u64 policy) {
#if __CUDA_ARCH__ >= 900
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint"
      " [%0], [%1, {%3, %4, %3, %5, %6}], [%2], %7;" ::"r"(to),
      "l"(map), "r"(barrier), "r"(0), "r"(key), "r"(head), "r"(page), "l"(policy)
      : "memory");
#endif
}
/// The copy engine brings bytes that lie side by side, a multiple of 16.
__device__ __forceinline__ void load_bytes(u32 to, void const* from, u32 bytes, u32 barrier) {
#if __CUDA_ARCH__ >= 900
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to),
               "l"(from), "r"(bytes), "r"(barrier)
               : "memory");
#endif
}

/// 16 bytes by this thread, zeros where they are not `there`.
__device__ __forceinline__ void load_sixteen(u32 to, void const* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
/// What this thread asked for since the last call is one group.
__device__ __forceinline__ void end_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until no more than `left` of this thread's groups are on their way.
template <int left>
__device__ __forceinline__ void wait_groups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
}

/// Waits for the kernel before this one in the stream: nothing it writes may be touched earlier.
__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Lets the next kernel's blocks start where there is room; they wait by themselves.
__device__ __forceinline__ void let_next_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/// Four 8 x 8 matrices of 16-bit numbers; each lane says where a row of 16 bytes begins.
__device__ __forceinline__ void load_matrices(u32 (&r)[4], u32 at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}
/// The same, transposed.
__device__ __forceinline__ void load_transposed(u32 (&r)[4], u32 at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(at)
               : "memory");
}

/// 2^x, to 2 units in the last place; exact where x is an integer. 0 below -126.
__device__ __forceinline__ float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace headcount::v0::cuda
