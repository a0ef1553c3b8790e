#include "demo_questions.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/task/language/facts_task.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/read_twice.hpp>
#include <headcount/task/language/recall_task.hpp>

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

constexpr std::size_t filler_before_fact = 12;

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

/// Makes the questions of one model.
class question_maker {
 public:
  question_maker(measurement const& of, small_language const& language, std::filesystem::path const& file,
                 demo_plan const& plan)
      : of_{of},
        language_{language},
        language_content_{digest_of_file(file)},
        plan_{plan},
        needles_{mixed_needles(language, plan.prompts, plan.seed)} {}

  [[nodiscard]] std::vector<demo_question> make() const {
    return {find_needles(), read_them_twice(), hide_and_show(), beyond_the_window(), know_facts()};
  }

 private:
  /// A task yet without prompts.
  [[nodiscard]] task named(char const* name, std::string setting = "") const {
    auto identity = digest{}.add("demo").add(name).add(setting).add(language_content_).text();
    return {.name = name, .setting = std::move(setting), .identity = std::move(identity), .seed = plan_.seed};
  }

  /// Needles among those that what retrieval needs is asked of.
  [[nodiscard]] std::span<needle_prompt const> some() const {
    return std::span{needles_}.first(std::min(needles_.size(), of_.prompts_of_requirements));
  }

  /// Policies whose prefill is dense, and those that act in both phases.
  [[nodiscard]] demo_question find_needles() const {
    demo_question made{make_recall_task(named(inside), needles_),
                       {{inside, "", {"exact_match"}}},
                       {"dense", "none @ generation", "none"}};
    for (auto const& scorer : of_.scorers) {
      for (auto const k : of_.kept) made.policies.push_back(choosing(scorer, k, in_generation));
      if (std::ranges::find(of_.scorers_everywhere, scorer) == of_.scorers_everywhere.end()) continue;
      for (auto const k : of_.kept_everywhere) made.policies.push_back(choosing(scorer, k));
    }
    return made;
  }

  /// The paper's just-read-twice prompts.
  [[nodiscard]] demo_question read_them_twice() const {
    constexpr auto setting = "read=twice";
    std::vector<needle_prompt> twice;
    for (auto const& one : some()) twice.push_back(read_twice(language_, one));
    return {make_recall_task(named(inside, setting), twice),
            {{inside, setting, {"exact_match"}}},
            {"dense", "none @ generation", "none"}};
  }

  /// The paper's edits of what attention sees: each prompt under all conditions after each other, which share the
  /// reading of its context where they can.
  [[nodiscard]] demo_question hide_and_show() const {
    std::vector<recall_prompt> asked;
    for (std::size_t i = 0; i < some().size(); ++i)
      for (auto const& condition : conditions) {
        auto edit = condition.edit(needles_[i].needle);
        edit.where.during = condition.during;
        asked.push_back({.name = fmt::format("{}, {}", i, condition.setting),
                         .needle = needles_[i],
                         .edits = {std::move(edit)},
                         .factors = {{"context", std::to_string(i)}}});
      }
    demo_question made{make_recall_task(named("exposure"), asked), {}, {"dense"}};
    for (auto const& condition : conditions)
      made.cells.push_back({inside, condition.setting, {"exact_match", "exact_match_after_first"}});
    return made;
  }

  /// Prompts longer than the window: each context has an early needle, which the window no longer reaches when the
  /// answer begins, and a late one, and is asked for both.
  [[nodiscard]] demo_question beyond_the_window() const {
    std::vector<recall_prompt> prompts;
    for (std::size_t i = 0; i < some().size(); ++i) {
      random_stream random{mix_bits(plan_.seed + 1) + i};
      auto made = make_needle_prompts(
          language_, {.length = of_.longest, .depths = {0, 0.5 + 0.5 * random.number(), random.number()}}, random);
      for (auto const which : {0u, 1u})
        prompts.push_back({.name = fmt::format("{}/{}", i, which == 0 ? "early" : "late"),
                           .needle = std::move(made[which]),
                           .factors = {{"context", std::to_string(i)}}});
    }
    return {make_recall_task(named("needle_beyond_window"), prompts),
            {{"needle_beyond_window_early", "", {"exact_match"}}, {"needle_beyond_window_late", "", {"exact_match"}}},
            {"dense", "none @ generation", choosing("entropy", of_.kept_everywhere.front(), in_generation)}};
  }

  [[nodiscard]] demo_question know_facts() const {
    random_stream order{mix_bits(plan_.seed + 2)};
    std::vector<std::string> names;
    std::vector<fact_prompt> facts;
    for (auto const person : order.some_of(language_.people(), std::min(plan_.prompts, language_.people().size()))) {
      random_stream random{mix_bits(plan_.seed + 3) + facts.size()};
      names.push_back(language_.text({person}));
      facts.push_back(make_fact_prompt(language_, person, filler_before_fact, random));
    }
    demo_question made{make_task_of_facts(named("facts"), names, facts), {{"facts", "", {"acc"}}}, {"dense", "none"}};
    number_sequences(made.asking);
    for (auto const& scorer : of_.scorers_everywhere)
      for (auto const k : of_.kept_everywhere) made.policies.push_back(choosing(scorer, k));
    return made;
  }

  measurement const& of_;
  small_language const& language_;
  std::string language_content_;
  demo_plan const& plan_;
  std::vector<needle_prompt> needles_;
};

}  // namespace

std::string choosing(std::string const& scorer, std::size_t k, char const* where) {
  return fmt::format("{} | top_k({}){}", scorer, k, where);
}

std::vector<demo_question> make_questions(measurement const& of, small_language const& language,
                                          std::filesystem::path const& file, demo_plan const& plan) {
  return question_maker{of, language, file, plan}.make();
}

needle_prompt first_needle(small_language const& language, demo_plan const& plan) {
  return mixed_needle(language, 0, plan.seed);
}

}  // namespace tool
