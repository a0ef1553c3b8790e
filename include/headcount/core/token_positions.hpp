#pragma once

#include <headcount/core/index_ranges.hpp>

namespace headcount::v0 {

/// Token positions in a sequence (0 is the first token, BOS included): what an edit or a task points at, e.g. the
/// needle's tokens.
using token_positions = index_ranges;

}  // namespace headcount::v0
