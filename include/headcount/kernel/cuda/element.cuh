#pragma once

#include <cstring>

#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <headcount/kernel/cuda/instructions.cuh>

namespace headcount::v0::cuda {

/// The bits of one type as another, where std::bit_cast refuses: CUDA's pairs are not trivially copyable by its letter.
template <class To, class From>
[[nodiscard]] __device__ __forceinline__ To as_bits(From const& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

/// What the kernels do with a 16-bit number: __nv_bfloat16 or __half.
template <class Element>
struct element;

template <>
struct element<__nv_bfloat16> {
  static constexpr CUtensorMapDataType map_type = CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  static constexpr bool coarse = true;  ///< 8 bits are too few for weights, which take two numbers each

  /// Two numbers, rounded to nearest, the first in the low half.
  static __device__ __forceinline__ u32 pack(float low, float high) {
    return as_bits<u32>(__floats2bfloat162_rn(low, high));
  }
  /// Two numbers cut off, and what that left of them: together 16 bits of each.
  static __device__ __forceinline__ void split(float low, float high, u32& cut, u32& rest) {
    u32 const low_bits = as_bits<u32>(low), high_bits = as_bits<u32>(high);
    cut = __byte_perm(low_bits, high_bits, 0x7632);
    rest = pack(low - as_bits<float>(low_bits & 0xffff0000u), high - as_bits<float>(high_bits & 0xffff0000u));
  }
  static __device__ __forceinline__ __nv_bfloat16 from(float value) { return __float2bfloat16(value); }
  /// c += a * b, of 16 x 16 by 16 x 8, float32 sums.
  static __device__ __forceinline__ void multiply(float (&c)[4], u32 const (&a)[4], u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
};

template <>
struct element<__half> {
  static constexpr CUtensorMapDataType map_type = CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  static constexpr bool coarse = false;

  static __device__ __forceinline__ u32 pack(float low, float high) {
    return as_bits<u32>(__floats2half2_rn(low, high));
  }
  static __device__ __forceinline__ float2 unpack(u32 pair) { return __half22float2(as_bits<__half2>(pair)); }
  static __device__ __forceinline__ __half from(float value) { return __float2half(value); }
  static __device__ __forceinline__ void multiply(float (&c)[4], u32 const (&a)[4], u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
};

}  // namespace headcount::v0::cuda
