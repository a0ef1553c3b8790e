#pragma once

#include <cstddef>

#include <headcount/core/token_positions.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>

namespace headcount::v0::evaluate {

/// The prompt with context and question twice and one cue for the answer at the end, the paper's just-read-twice
/// prompt: what context_reading::twice makes of texts. The first reading and its question count as context, the needle
/// stands in both readings, and its depth is that in one of them. Source: the code of Michalak & Abreu 2025, arXiv
/// 2510.19861.
[[nodiscard]] inline needle_prompt read_twice(small_language const& language, needle_prompt const& once) {
  auto const cue = static_cast<std::ptrdiff_t>(language.cue().size());
  auto const start = language.start().size();
  sentence_tokens const question(once.question.begin(), once.question.end() - cue);
  sentence_tokens const again(once.context.begin() + static_cast<std::ptrdiff_t>(start), once.context.end());
  auto twice = once;
  twice.context = small_language::join({once.context, question, again});
  auto const further = once.context.size() + question.size() - start;
  for (auto const [first, last] : once.needle) twice.needle.insert({first + further, last + further});
  return twice;
}

}  // namespace headcount::v0::evaluate
