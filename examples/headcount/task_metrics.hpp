#pragma once

#include <span>
#include <string_view>

#include <headcount/statistics/metric.hpp>

namespace tool {

/// headcount::evaluate::metrics_of, for files that need no task: the list of all tasks takes long to compile.
std::span<headcount::evaluate::metric const> metrics_of_task(std::string_view task);

}  // namespace tool
