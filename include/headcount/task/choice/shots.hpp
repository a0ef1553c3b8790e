#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/python_random.hpp>
#include <headcount/core/text.hpp>
#include <headcount/task/choice/multiple_choice.hpp>
#include <headcount/task/json_lines.hpp>

namespace headcount::v0::evaluate {

/// The seed that lm-evaluation-harness draws worked examples with.
inline constexpr std::size_t seed_of_shots = 1234;

/// What goes before each item: the form's beginning and worked examples, drawn as lm-evaluation-harness does: item
/// after item out of one stream, one more than asked for, of which one that is the item itself is left out. `lines` are
/// the items' objects and `pool` those that are drawn from, with `examples` made of them. Throws headcount::error when
/// there are too few. Source: lm-evaluation-harness 0004883, `ContextSampler.get_context`, for tasks without a few-shot
/// split.
[[nodiscard]] inline std::vector<std::string> draw_shots(std::span<json_line const> lines,
                                                         std::span<json_line const> pool,
                                                         std::span<choice_item const> examples,
                                                         question_form const& form, std::size_t shots,
                                                         std::uint64_t seed) {
  std::vector<std::string> texts(lines.size(), form.begin());
  if (shots == 0) return texts;
  if (pool.size() < shots + 1)
    throw error{pool.front().what, text_of("there are ", pool.size(), " examples to draw ", shots, " shots from"),
                text_of(shots + 1, " or more")};
  python_random random{seed};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::size_t taken = 0;
    for (auto const drawn : random.sample(pool.size(), shots + 1)) {
      if (taken == shots || pool[drawn].value == lines[i].value) continue;
      texts[i] += as_shot(examples[drawn], form);
      ++taken;
    }
  }
  return texts;
}

}  // namespace headcount::v0::evaluate
