#pragma once

#include <cstdint>

#include <headcount/version.hpp>

namespace headcount::v0 {

/// A token's id in its model's vocabulary, from 0.
using token = std::int32_t;

}  // namespace headcount::v0
