#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <headcount/core/text.hpp>
#include <headcount/file/safetensors.hpp>

namespace headcount::v0::reference {

/// 32 hexadecimal digits that change when any weight does: XXH3-128 over every tensor's name, dtype, shape and bytes,
/// in name order, so that sharding does not matter. Reads all weights once. Not cryptographic.
[[nodiscard]] inline std::string fingerprint_of(safetensors const& tensors) {
  XXH3_state_t hash;
  XXH3_128bits_reset(&hash);
  auto const add = [&](void const* data, std::size_t bytes) { XXH3_128bits_update(&hash, data, bytes); };
  for (auto const& [name, tensor] : tensors) {
    auto const head = text_of(name, " ", tensor.dtype, " ", print_shape(tensor.shape), "\n");
    add(head.data(), head.size());
    add(tensor.bytes.data(), tensor.bytes.size());
  }
  auto const digest = XXH3_128bits_digest(&hash);
  std::string text;
  for (auto const word : {digest.high64, digest.low64})
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back("0123456789abcdef"[word >> shift & 15]);
  return text;
}

}  // namespace headcount::v0::reference
