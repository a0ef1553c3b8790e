#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/kernel/cuda/cache.cuh>
#include <headcount/kernel/cuda/shape.cuh>

namespace headcount::v0::cuda {

/// Throws headcount::error, saying what was asked for, when a call of CUDA failed.
inline void check(cudaError_t result, char const* asked) {
  if (result != cudaSuccess) throw error{text_of("cuda: ", asked), cudaGetErrorString(result), "success"};
}

/// What the kernels ask of the current device.
struct device_facts {
  int multiprocessors = 0;
  int capability = 0;           ///< 10 * major + minor
  double bytes_per_second = 0;  ///< of its memory, as its clock and width say
};
[[nodiscard]] inline device_facts current_device() {
  int device = 0, major = 0, minor = 0, clock = 0, width = 0;
  device_facts facts;
  check(cudaGetDevice(&device), "the current device");
  auto const ask = [device](int* value, cudaDeviceAttr what) {
    check(cudaDeviceGetAttribute(value, what, device), "an attribute of the device");
  };
  ask(&facts.multiprocessors, cudaDevAttrMultiProcessorCount);
  ask(&major, cudaDevAttrComputeCapabilityMajor);
  ask(&minor, cudaDevAttrComputeCapabilityMinor);
  ask(&clock, cudaDevAttrMemoryClockRate);       // kHz
  ask(&width, cudaDevAttrGlobalMemoryBusWidth);  // bits
  facts.capability = 10 * major + minor;
  facts.bytes_per_second = 2e3 * clock * width / 8;
  return facts;
}

/// Starts a kernel; where the device can, before the one ahead of it in the stream has ended, for which it waits
/// itself.
template <class... Parameters, class... Arguments>
void launch(device_facts const& device, void (*kernel)(Parameters...), int blocks, int threads, int shared_bytes,
            bool early, cudaStream_t stream, Arguments const&... arguments) {
  if (shared_bytes > 48 * 1024)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes),
          "shared memory for a kernel");
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = static_cast<unsigned>(blocks);
  config.blockDim = static_cast<unsigned>(threads);
  config.dynamicSmemBytes = static_cast<std::size_t>(shared_bytes);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = early && device.capability >= 90 ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), "a kernel");
}

/// Whether the copy engine can bring this cache.
[[nodiscard]] inline bool engine_can_read(device_facts const& device, key_value_cache const& cache) {
  return device.capability >= 90 && (!cache.page_table || cache.page_size % 16 == 0);
}

/// How the copy engine sees keys or values: [page, kv_head, 64 features, key, feature], boxes of 16 keys of one head.
template <class Shape>
[[nodiscard]] CUtensorMap map_of(void const* data, key_value_cache const& cache, int kv_heads) {
  using encode_function = decltype(&cuTensorMapEncodeTiled);
  static auto const encode = [] {
    void* found = nullptr;
    cudaDriverEntryPointQueryResult result;
    check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result),
          "cuTensorMapEncodeTiled");
    return reinterpret_cast<encode_function>(found);
  }();
  auto const size = [](auto value) { return static_cast<cuuint64_t>(value); };
  cuuint64_t const extents[] = {64, size(cache.page_size), Shape::dim / 64, size(kv_heads), size(cache.pages)};
  cuuint64_t const strides[] = {size(2 * cache.key_stride), 128, size(2 * cache.head_stride),
                                size(2 * cache.page_stride)};
  cuuint32_t const box[] = {64, 16, Shape::dim / 64, 1, 1}, steps[] = {1, 1, 1, 1, 1};
  CUtensorMap map;
  auto const result = encode(&map, element<typename Shape::element_type>::map_type, 5, const_cast<void*>(data), extents,
                             strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                             CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS)
    throw error{"cuda: a tensor map of the cache", text_of("error ", static_cast<int>(result)),
                "bases and strides that are multiples of 16 bytes"};
  return map;
}

}  // namespace headcount::v0::cuda
