#pragma once

// The list of all tasks; it takes long to compile, and is compiled in tasks.cpp and nowhere else in the tool.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/engine/model_under_test.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace tool {

/// See headcount::evaluate::metrics_of.
std::span<headcount::evaluate::metric const> metrics_of_task(std::string_view task);

/// See headcount::evaluate::make_tasks.
std::vector<headcount::evaluate::task> make_tasks(headcount::evaluate::model_under_test const& asked,
                                                  std::string_view name, headcount::evaluate::task_options options);

/// What tasks there are, a line each, as help shows them.
std::string describe_tasks();

}  // namespace tool
