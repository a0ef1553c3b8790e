#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/text/any_tokenizer.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::reference {

// Prompts and other texts in JSON: lists of token ids, or texts where a model has a tokenizer.

/// Reads a model's prompts.
struct prompt_reader {
  std::string model{};                                 ///< its name, for errors
  std::size_t vocabulary{};                            ///< ids are below it
  std::optional<evaluate::any_tokenizer> tokenizer{};  ///< none: it reads token ids alone
};

/// The list under a key of a JSON file. `form` shows what the file should look like. Throws headcount::error when the
/// list is absent or empty, or is none.
[[nodiscard]] inline nlohmann::json read_list(std::filesystem::path const& path, char const* key, char const* form) {
  auto const json = read_json(path);
  if (!json.is_object() || !json.contains(key) || !json[key].is_array() || json[key].empty())
    throw error{path.string(), text_of("it has no \"", key, "\", or an empty one"), form};
  return json[key];
}

/// A list of token ids. `what` names it in errors. Throws headcount::error when it is empty or one of them is none of
/// the model's.
[[nodiscard]] inline std::vector<token> read_tokens(nlohmann::json const& list, std::size_t vocabulary,
                                                    std::string const& what) {
  auto const most = static_cast<std::int64_t>(vocabulary) - 1;
  std::vector<token> tokens;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto const& id = list[i];
    bool const fits = id.is_number_unsigned()
                          ? id.get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                          : id.is_number_integer() && id.get<std::int64_t>() >= 0 && id.get<std::int64_t>() <= most;
    if (!fits)
      throw error{text_of(what, "[", i, "]"), text_of(id.dump(), " is no token id of this model"),
                  text_of("0 to ", most)};
    tokens.push_back(id.get<token>());
  }
  if (tokens.empty()) throw error{what, "it has no token", "one token id or more"};
  return tokens;
}

/// The tokenizer that a text needs; `what` names the text. Throws headcount::error when there is none.
[[nodiscard]] inline evaluate::any_tokenizer const& tokenizer_of(prompt_reader const& reader, std::string const& what) {
  if (!reader.tokenizer)
    throw error{what, text_of("it is text, and ", reader.model, " has no tokenizer.model or tokenizer.json"),
                "lists of token ids"};
  return *reader.tokenizer;
}

/// Whether a text begins what a model reads, or goes on with it.
enum class text_place { beginning, continuation };

/// What a model reads or says: token ids, taken as they are, or a text; a text that begins gets the tokenizer's BOS
/// first. `what` names it in errors. Throws headcount::error when it is neither, has no token, or one that is none of
/// the model's.
[[nodiscard]] inline std::vector<token> read_text(nlohmann::json const& text, prompt_reader const& reader,
                                                  std::string const& what, text_place place = text_place::beginning) {
  if (text.is_array()) return read_tokens(text, reader.vocabulary, what);
  if (!text.is_string()) throw error{what, text_of(text.dump(), " is no text"), "a list of token ids, or a text"};
  auto const& words = tokenizer_of(reader, what);
  auto const content = text.get<std::string>();
  auto tokens = place == text_place::beginning ? evaluate::encode_with_bos(words, content) : words.encode(content);
  headcount::validate(tokens, reader.vocabulary, what);
  if (tokens.empty()) throw error{what, "it has no token", "a text that is not empty"};
  return tokens;
}

/// The prompts of a file {"prompts": [ids or text, ...]}. Throws headcount::error that names the first that is none.
[[nodiscard]] inline std::vector<std::vector<token>> read_prompt_file(std::filesystem::path const& path,
                                                                      prompt_reader const& reader) {
  std::vector<std::vector<token>> prompts;
  for (auto const& prompt : read_list(path, "prompts", R"({"prompts": [[1, 2, ...] or "text", ...]})"))
    prompts.push_back(read_text(prompt, reader, text_of(path.string(), ", prompts[", prompts.size(), "]")));
  return prompts;
}

}  // namespace headcount::v0::reference
