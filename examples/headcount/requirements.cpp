// What retrieval needs, asked of the prompts that fit the window: the paper's just-read-twice prompts, and its edits of
// what attention sees.

#include "requirements.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/measure/recall.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/task/language/read_twice.hpp>
#include <headcount/task/request.hpp>

#include "inputs.hpp"

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

void measure_exposure(collector& rows, any_model const& model, std::span<needle_prompt const> prompts) {
  std::vector<loglikelihood_request> questions;
  for (auto const& one : prompts)
    for (auto const& condition : conditions) {
      auto edit = condition.edit(one.needle);
      edit.where.during = condition.during;
      questions.push_back(question_of(one, questions.size(), {std::move(edit)}));
    }
  std::vector<any_policy> const policies{dense};
  auto const answers = recall_answers(model, questions, policies).front();
  for (std::size_t c = 0; c < std::size(conditions); ++c) {
    outcomes whole;
    outcomes after_first;
    for (auto i = c; i < answers.size(); i += std::size(conditions)) {
      auto const all_from = [&](std::ptrdiff_t token) {
        return std::all_of(answers[i].begin() + token, answers[i].end(), std::identity{});
      };
      whole.push_back(all_from(0));
      after_first.push_back(all_from(1));
    }
    auto const add = [&](std::string metric, outcomes const& answered) {
      rows.add_share("needle_inside_window", "dense", std::move(metric), answered).setting = conditions[c].setting;
    };
    add("exact_match", whole);
    add("exact_match_after_first", after_first);
  }
}

}  // namespace

void measure_requirements(collector& rows, any_model const& model, small_language const& language,
                          std::span<needle_prompt const> prompts) {
  measure_twice(rows, model, language, prompts);
  measure_exposure(rows, model, prompts);
}

}  // namespace tool
