// What retrieval needs, asked of the prompts that fit the window: the paper's just-read-twice prompts, and its edits of
// what attention sees.

#include "requirements.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/measure/recall.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/task/language/read_twice.hpp>
#include <headcount/task/language/recall_task.hpp>

#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

/// What attention sees of a needle's prompt: an edit in one phase, or in both.
struct exposure_condition {
  char const* setting;  ///< as the exposure task calls it
  any_edit (*edit)(token_positions const& needle);
  std::optional<phase> during;
};

any_edit hide(token_positions const& needle) { return edit::omit{needle}; }
any_edit show_alone(token_positions const& needle) { return edit::only{needle}; }

// Those that leave prefill as it is come first and share it.
constexpr exposure_condition conditions[] = {
    {"edit=omit_needle, phase=generation", hide, phase::generation},
    {"edit=only_needle, phase=generation", show_alone, phase::generation},
    {"edit=omit_needle, phase=prefill", hide, phase::prefill},
    {"edit=only_needle, phase=prefill", show_alone, phase::prefill},
    {"edit=only_needle, phase=both", show_alone, std::nullopt},
};

void measure_twice(collector& rows, any_model const& model, small_language const& language,
                   std::span<needle_prompt const> prompts) {
  std::vector<needle_prompt> twice;
  for (auto const& one : prompts) twice.push_back(read_twice(language, one));
  std::vector<std::string> const sentences{"dense", "none @ generation", "none"};
  auto const found = recall_needles(model, twice, read_policies(sentences));
  for (std::size_t i = 0; i < sentences.size(); ++i)
    rows.add_share("needle_inside_window", sentences[i], "exact_match", found[i]).setting = "read=twice";
}

/// Each prompt under all conditions after each other, which share the reading of its context where they can.
void measure_exposure(collector& rows, any_model const& model, std::span<needle_prompt const> prompts) {
  std::vector<recall_prompt> asked;
  for (std::size_t i = 0; i < prompts.size(); ++i)
    for (auto const& condition : conditions) {
      auto edit = condition.edit(prompts[i].needle);
      edit.where.during = condition.during;
      asked.push_back({.name = fmt::format("{}, {}", i, condition.setting),
                       .needle = prompts[i],
                       .edits = {std::move(edit)},
                       .factors = {{"context", std::to_string(i)}}});
    }
  std::vector<any_policy> const policies{dense};
  auto const right = right_answers(model, make_recall_task({.name = "exposure"}, asked), policies);
  for (std::size_t c = 0; c < std::size(conditions); ++c)
    for (auto const* metric : {"exact_match", "exact_match_after_first"}) {
      outcomes of_condition;
      for (auto i = c; i < asked.size(); i += std::size(conditions))
        of_condition.push_back(right.at(metric).front()[i]);
      rows.add_share("needle_inside_window", "dense", metric, of_condition).setting = conditions[c].setting;
    }
}

}  // namespace

void measure_requirements(collector& rows, any_model const& model, small_language const& language,
                          std::span<needle_prompt const> prompts) {
  measure_twice(rows, model, language, prompts);
  measure_exposure(rows, model, prompts);
}

}  // namespace tool
