#pragma once

// Policies, scorers and edits from the command line. The grammar of sentences is compiled in sentences.cpp and nowhere
// else in the tool.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>

#include "engine.hpp"

namespace tool {

/// The policy of a sentence, with the files that it names.
headcount::any_policy read_policy(std::string const& sentence);

/// The policies of some sentences.
std::vector<headcount::any_policy> read_policies(std::vector<std::string> const& sentences);

/// Throws headcount::error when a policy does not fit a model; says on the error stream which files of those that fit
/// were made of another one.
void require_fit(std::span<headcount::any_policy const> policies, loaded_model const& loaded);

/// Throws headcount::error when a scorer reads what the model does not have.
void require_fit(headcount::any_scorer const& scorer, loaded_model const& loaded);

/// The scorer of a sentence's first part alone, e.g. "entropy".
headcount::any_scorer read_scorer(std::string_view text);

/// The edits of a sentence; none for an empty option.
std::vector<headcount::any_edit> read_edits(std::string const& sentence);

}  // namespace tool
