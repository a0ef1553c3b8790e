#include "tasks.hpp"

#include <utility>

#include <fmt/core.h>

#include <headcount/core/text.hpp>
#include <headcount/task/registry/task_kinds.hpp>

namespace tool {

using namespace headcount;

std::span<evaluate::metric const> metrics_of_task(std::string_view task) { return evaluate::metrics_of(task); }

std::vector<evaluate::task> make_tasks(evaluate::model_under_test const& asked, std::string_view name,
                                       evaluate::task_options options) {
  return evaluate::make_tasks(asked, name, std::move(options));
}

std::string describe_tasks() {
  std::string list;
  for (auto const& kind : evaluate::task_kinds)
    list += fmt::format("  {:<14} {}\n", kind.name.ends_with('/') ? text_of(kind.name, "NAME") : std::string{kind.name},
                        kind.about);
  return list;
}

}  // namespace tool
