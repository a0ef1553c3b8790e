#include "inputs.hpp"

#include <cstddef>
#include <cstdint>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/text/pair_texts.hpp>

namespace tool {

nlohmann::json read_list(std::filesystem::path const& path, char const* key, char const* form) {
  auto const json = headcount::reference::read_json(path);
  if (!json.is_object() || !json.contains(key) || !json[key].is_array() || json[key].empty())
    throw headcount::error{path.string(), headcount::text_of("it has no \"", key, "\", or an empty one"), form};
  return json[key];
}

std::vector<headcount::token> read_tokens(nlohmann::json const& list, headcount::reference::model const& model,
                                          std::string const& what) {
  auto const most = static_cast<std::int64_t>(model.vocabulary()) - 1;
  std::vector<headcount::token> tokens;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_number_integer() ||
        (list[i].is_number_unsigned() ? list[i].get<std::uint64_t>() > static_cast<std::uint64_t>(most)
                                      : list[i].get<std::int64_t>() < 0))
      throw headcount::error{headcount::text_of(what, "[", i, "]"),
                             headcount::text_of(list[i].dump(), " is no token id of this model"),
                             headcount::text_of("0 to ", most)};
    tokens.push_back(list[i].get<headcount::token>());
  }
  if (tokens.empty()) throw headcount::error{what, "it has no token", "one token id or more"};
  return tokens;
}

headcount::reference::tokenizer const& tokenizer_of(headcount::reference::snapshot const& snapshot,
                                                    std::string const& what) {
  if (!snapshot.tokenizer)
    throw headcount::error{
        what, headcount::text_of("it is text, and ", snapshot.name, " has no tokenizer.model or tokenizer.json"),
        "lists of token ids"};
  return *snapshot.tokenizer;
}

std::vector<headcount::token> read_prompt(nlohmann::json const& prompt, headcount::reference::snapshot const& snapshot,
                                          std::string const& what) {
  if (prompt.is_array()) return read_tokens(prompt, snapshot.model, what);
  if (!prompt.is_string())
    throw headcount::error{what, headcount::text_of(prompt.dump(), " is no prompt"), "a list of token ids, or a text"};
  auto tokens = headcount::evaluate::encode_with_bos(tokenizer_of(snapshot, what), prompt.get<std::string>());
  headcount::reference::validate(tokens, snapshot.model, what);
  if (tokens.empty()) throw headcount::error{what, "it has no token", "a text that is not empty"};
  return tokens;
}

std::vector<std::vector<headcount::token>> read_prompts(std::string const& path,
                                                        headcount::reference::snapshot const& snapshot) {
  std::vector<std::vector<headcount::token>> prompts;
  for (auto const& prompt : read_list(path, "prompts", R"({"prompts": [[1, 2, ...] or "text", ...]})"))
    prompts.push_back(read_prompt(prompt, snapshot, headcount::text_of(path, ", prompts[", prompts.size(), "]")));
  return prompts;
}

}  // namespace tool
