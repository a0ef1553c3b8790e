#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/balanced.hpp>
#include <headcount/edit/null.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/task/needle/needle_task.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

/// Positions of one set that are not in another. O(ranges of one * ranges of the other).
[[nodiscard]] inline token_positions without(token_positions const& some, token_positions const& others) {
  token_positions rest;
  for (auto const [first, last] : some) {
    auto begin = first;
    for (auto const gone : others) {
      if (gone.last < begin || gone.first > last) continue;
      if (gone.first > begin) rest.insert({begin, gone.first - 1});
      begin = gone.last + 1;
    }
    if (begin <= last) rest.insert({begin, last});
  }
  return rest;
}

/// What attention may not see of a needle's prompt.
struct exposure {
  std::string_view name;
  any_edit (*edit)(text_needle const&);
};

/// The needle, the haystack around it, or both hidden; everything but the needle hidden, its mass spread over it, or
/// everything hidden. Source: Michalak & Abreu 2025, the edits of their exposure experiments.
inline constexpr std::array exposures{
    exposure{"omit_needle", [](text_needle const& one) -> any_edit { return edit::omit{one.needle}; }},
    exposure{"omit_haystack",
             [](text_needle const& one) -> any_edit { return edit::omit{without(one.context, one.needle)}; }},
    exposure{"omit_context", [](text_needle const& one) -> any_edit { return edit::omit{one.context}; }},
    exposure{"only_needle", [](text_needle const& one) -> any_edit { return edit::only{one.needle}; }},
    exposure{"balanced_needle", [](text_needle const& one) -> any_edit { return edit::balanced{one.needle}; }},
    exposure{"null", [](text_needle const&) -> any_edit { return edit::null{}; }},
};

/// Needles while attention is kept from seeing some of the context, in prefill, in generation or in both: a task for
/// each, and one that sees all. Options are those of the needle task, and `edit` and `phase`, which pick some.
[[nodiscard]] inline std::vector<task> make_exposure_tasks(model_under_test const& asked, std::string_view name,
                                                           task_options& options) {
  auto const asking = take_needles(asked, name, options);
  std::vector<std::string> edits{"all", "none"};
  for (auto const& one : exposures) edits.emplace_back(one.name);
  std::vector<std::pair<std::string, std::optional<phase>>> const phases{
      {"generation", phase::generation}, {"prefill", phase::prefill}, {"both", std::nullopt}};
  auto const common = options.setting();
  auto const identity_of_common = options;
  auto const edit = options.take_one_of("edit", edits);
  auto const when = options.take_one_of("phase", {"all", "generation", "prefill", "both"});
  auto const add = [&](std::vector<task>& tasks, std::string const& condition, auto const& edits_of) {
    auto setting = common;
    add_to_list(setting, condition);
    tasks.push_back(make_task_of_needles(asked, name, setting, options.take_seed(), asking, edits_of));
    tasks.back().identity = identity_of_common.identity(text_of(name, ", ", condition));
  };
  std::vector<task> tasks;
  if (edit == "all" || edit == "none")
    add(tasks, "edit=none", [](text_needle const&) { return std::vector<any_edit>{}; });
  for (auto const& one : exposures)
    for (auto const& [phase_name, phase] : phases) {
      if ((edit != "all" && edit != one.name) || (when != "all" && when != phase_name)) continue;
      add(tasks, text_of("edit=", one.name, ", phase=", phase_name), [&](text_needle const& needle) {
        auto made = one.edit(needle);
        made.where.during = phase;
        return std::vector{made};
      });
    }
  return tasks;
}

}  // namespace headcount::v0::evaluate
