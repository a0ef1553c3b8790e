#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/task/choice/choices.hpp>
#include <headcount/task/choice/glue.hpp>
#include <headcount/task/choice/mmlu.hpp>
#include <headcount/task/language/facts_task.hpp>
#include <headcount/task/language/recall_task.hpp>
#include <headcount/task/needle/exposure_task.hpp>
#include <headcount/task/needle/needle_task.hpp>
#include <headcount/task/recall/mqar_task.hpp>
#include <headcount/task/ruler/ruler_task.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>
#include <headcount/task/text/agreement.hpp>
#include <headcount/task/text/calibrated.hpp>
#include <headcount/task/text/perplexity.hpp>

namespace headcount::v0::evaluate {

/// These metrics, whatever the task's name.
template <auto const& metrics>
inline constexpr metrics_by_task always = [](std::string_view) { return std::span<metric const>{metrics}; };

/// A task that can be named.
struct task_kind {
  std::string_view name;   ///< one that ends in "/" stands for all names that begin so, and alone for the whole family
  std::string_view about;  ///< a line of help: what it asks, and its options
  std::vector<task> (*make)(model_under_test const&, std::string_view name, task_options&);
  metrics_by_task metrics;  ///< of what `make` makes, and those that are computed from their rows
};

/// The one list of tasks.
inline constexpr std::array task_kinds{
    task_kind{"agreement/", "prefill or generation: how near to dense, token by token; prefill=128, generation=32",
              make_agreement, always<agreement_metrics>},
    task_kind{"choices", "JSON lines {prompt, choices, gold}; train=FILE for shots, phase=prefill, form=base",
              make_choices, always<multiple_choice_metrics>},
    task_kind{"exposure", "needles while attention cannot see some of the text; needle's options, edit=all, phase=all",
              make_exposure_tasks, always<needle_metrics>},
    task_kind{"facts", "what people of the small language work as; context=12, prompts=256", make_facts,
              always<facts_metrics>},
    task_kind{
        "glue/",
        "cola, mnli, mrpc, qnli, qqp, rte, sst2, wnli: JSON lines; train=FILE for shots, phase=prefill, form=base",
        make_glue, glue_metrics},
    task_kind{"mmlu/", "the published CSV folder; one subject, or all; form=base", make_mmlu, always<mmlu_metrics>},
    task_kind{"mqar", "keys and values of token ids; length=64, pairs=4, vocabulary, power=0.01, queries=generation",
              make_mqar_task, always<mqar_metrics>},
    task_kind{
        "needle",
        "a sentence in a text, one a prompt; lengths, depths, prompts, distractors=0, protocol=corrected, form=base, "
        "read=once, question=seen, max_new_tokens=40; beside a language.json: its haystack, shorter lengths",
        make_needle_task, always<needle_metrics>},
    task_kind{"perplexity", "rolling, of texts; window=most tokens that the model reads, phase=prefill",
              make_perplexity, always<perplexity_metrics>},
    task_kind{"recall", "needles of the small language, token for token; prompts=120", make_recall,
              always<recall_metrics>},
    task_kind{"ruler/", "niah_single_1, ..., vt, cwe, fwe; length=4096, prompts=100", make_ruler_tasks,
              always<ruler_metrics>},
};

/// Whether a name is a kind's own, or of its family.
[[nodiscard]] constexpr bool is_named(task_kind const& kind, std::string_view name) noexcept {
  bool const is_family = kind.name.ends_with('/');
  return name == kind.name ||
         (is_family && (name.starts_with(kind.name) || name == kind.name.substr(0, kind.name.size() - 1)));
}

/// The metrics of a task by its name; none of a name that nobody knows.
[[nodiscard]] inline std::span<metric const> metrics_of(std::string_view task) {
  for (auto const& kind : task_kinds)
    if (is_named(kind, task)) return kind.metrics(task);
  if (task == "answers") return answers_metrics;
  if (task == "foretold") return foretold_metrics;
  return {};
}

/// Makes the tasks that a name stands for: one, or those of a family. Throws headcount::error for a name, an option or
/// data that are not as they should be.
[[nodiscard]] inline std::vector<task> make_tasks(model_under_test const& asked, std::string_view name,
                                                  task_options options) {
  for (auto const& kind : task_kinds) {
    if (!is_named(kind, name)) continue;
    auto made = kind.make(asked, name, options);
    options.require_all_taken();
    for (auto& one : made)
      if (one.identity.empty()) one.identity = options.identity(one.name);
    return made;
  }
  std::string known;
  for (auto const& kind : task_kinds)
    add_to_list(known, kind.name.ends_with('/') ? text_of(kind.name, "NAME") : kind.name);
  throw error{text_of("task ", name), "there is no such task", known};
}

}  // namespace headcount::v0::evaluate
