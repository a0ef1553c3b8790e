#pragma once

#include <span>
#include <string>

#include <headcount/core/text.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/file/safetensors.hpp>

namespace headcount::v0::reference {

/// 32 hexadecimal digits that change when any weight does: XXH3-128 over every tensor's name, dtype, shape and bytes,
/// in name order, so that sharding does not matter. Reads all weights once. Not cryptographic.
[[nodiscard]] inline std::string fingerprint_of(safetensors const& tensors) {
  digest sum;
  for (auto const& [name, tensor] : tensors) {
    auto const head = text_of(name, " ", tensor.dtype, " ", print_shape(tensor.shape), "\n");
    sum.add(std::as_bytes(std::span{head})).add(tensor.bytes);
  }
  return sum.text();
}

}  // namespace headcount::v0::reference
