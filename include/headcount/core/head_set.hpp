#pragma once

#include <headcount/core/index_set.hpp>

namespace headcount::v0 {

/// The heads kept at one site. Query head h of a GQA layer uses key/value head h / site::group.
using head_set = index_set<256>;

}  // namespace headcount::v0
