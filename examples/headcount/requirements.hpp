#pragma once

#include <span>

#include <headcount/engine/any_model.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>

#include "collector.hpp"

namespace tool {

/// What a model needs to find these needles: attention, were the prompt read twice; the needle in attention's sight,
/// and text around it, in which phase.
void measure_requirements(collector& rows, headcount::evaluate::any_model const& model,
                          headcount::evaluate::small_language const& language,
                          std::span<headcount::evaluate::needle_prompt const> prompts);

}  // namespace tool
