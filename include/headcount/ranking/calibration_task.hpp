#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>

namespace headcount::v0::evaluate {

/// Texts that somebody calibrates on as a task, so that what is measured on them is rows: named, described and told
/// apart as all tasks are, a prompt a text by its number. It has no judge: who measures knows what came of it.
[[nodiscard]] inline task task_of_texts(std::string_view name, std::string setting, std::uint64_t seed,
                                        std::span<metric const> metrics, std::span<calibration_text const> texts) {
  task made{.name = std::string{name},
            .setting = std::move(setting),
            .identity = identity_of(texts),
            .seed = seed,
            .metrics = {metrics.begin(), metrics.end()}};
  for (auto const& text : texts)
    made.prompts.push_back({.name = text_of(made.prompts.size()),
                            .request = comparison_request{.text = {.prompt = {.tokens = text.prompt},
                                                                   .continuations = {text.answer},
                                                                   .read_as = phase::generation}},
                            .factors = text.factors,
                            .tokens = text.prompt.size() + text.answer.size()});
  return made;
}

}  // namespace headcount::v0::evaluate
