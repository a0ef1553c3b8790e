#include "task_metrics.hpp"

#include <headcount/task/registry/task_kinds.hpp>

namespace tool {

std::span<headcount::evaluate::metric const> metrics_of_task(std::string_view task) {
  return headcount::evaluate::metrics_of(task);
}

}  // namespace tool
