#pragma once

// Tensors of safetensors files as numbers.

#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/token.hpp>
#include <headcount/file/safetensors.hpp>

#include "numbers.hpp"

namespace test {

/// The numbers of an F32 or I32 tensor, cut into rows along its last axis.
template <class Number>
  requires(std::is_same_v<Number, float> || std::is_same_v<Number, headcount::token>)
std::vector<std::vector<Number>> stored_rows(headcount::reference::stored_tensor const& tensor) {
  REQUIRE(tensor.dtype == (std::is_same_v<Number, float> ? "F32" : "I32"));
  auto const columns = tensor.shape.back();
  std::vector<std::vector<Number>> all(tensor.bytes.size() / sizeof(Number) / columns, std::vector<Number>(columns));
  for (std::size_t at = 0; at < all.size(); ++at)
    std::memcpy(all[at].data(), tensor.bytes.data() + at * columns * sizeof(Number), columns * sizeof(Number));
  return all;
}

/// The same of an F32 tensor, to be compared with.
inline rows expected_rows(headcount::reference::stored_tensor const& tensor) {
  rows all;
  for (auto const& one : stored_rows<float>(tensor)) all.emplace_back(one.begin(), one.end());
  return all;
}

}  // namespace test
