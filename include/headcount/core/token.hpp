#pragma once

#include <cstdint>

namespace headcount::inline v0 {

/// A token's id in its model's vocabulary, from 0.
using token = std::int32_t;

}  // namespace headcount::inline v0
