#pragma once

// What several subcommands read: token lists and texts from JSON, policies and edits from the command line.

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <headcount/core/token.hpp>

#include "sentences.hpp"

namespace headcount::v0::reference {
struct model;
struct snapshot;
class tokenizer;
}  // namespace headcount::v0::reference

namespace tool {

/// The list under a key of a JSON file; throws headcount::error when it is absent, empty or no list.
/// `form` shows what the file should look like.
nlohmann::json read_list(std::filesystem::path const& path, char const* key, char const* form);

/// A list of token ids, checked against the model's vocabulary. `what` names it in error messages.
std::vector<headcount::token> read_tokens(nlohmann::json const& list, headcount::reference::model const& model,
                                          std::string const& what);

/// The tokenizer of a model; throws headcount::error when it has none. `what` is the text that needs it.
headcount::reference::tokenizer const& tokenizer_of(headcount::reference::snapshot const& snapshot,
                                                    std::string const& what);

/// A prompt: a list of token ids, taken as they are, or a text, which gets the tokenizer's BOS first.
std::vector<headcount::token> read_prompt(nlohmann::json const& prompt, headcount::reference::snapshot const& snapshot,
                                          std::string const& what);

/// The prompts of a file; throws headcount::error naming the first that is none.
std::vector<std::vector<headcount::token>> read_prompts(std::string const& path,
                                                        headcount::reference::snapshot const& snapshot);

}  // namespace tool
