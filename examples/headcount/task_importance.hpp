#pragma once

// Heads ranked by what a task says policies without them are worth.

#include <cstdint>
#include <optional>
#include <string>

#include <headcount/core/phase.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>

namespace tool {

/// A task, how it is measured, and when heads are dropped.
struct task_choice {
  std::string task{};    ///< its name, or as in a sweep's plan: {"task": NAME, option: value, ...}
  std::string metric{};  ///< the task's first when empty
  std::optional<headcount::phase> during{};
  std::uint64_t seed = 1;
};

/// Scores of a model's heads by a task, and what was asked.
struct task_ranking {
  headcount::evaluate::head_table scores;
  std::string data;
};

/// Ranks by "leave_one_out", "all_but_one" or "greedy". `folder` is the model's. Throws headcount::error for another
/// method, and when the task cannot be asked.
[[nodiscard]] task_ranking rank_by_task(headcount::reference::snapshot const& snapshot, std::string const& folder,
                                        std::string const& method, task_choice const& chosen);

}  // namespace tool
