#pragma once

#include <charconv>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>

namespace headcount::v0::reference {

/// Tokens that stand in texts by their own names, as "<start_of_turn>" does, whatever a tokenizer would split them
/// into.
using special_tokens = std::map<std::string, token, std::less<>>;

namespace detail {

inline void add_special_token(special_tokens& found, std::filesystem::path const& path, nlohmann::json const& id,
                              nlohmann::json const& one) {
  auto const fail = [&](std::string const& what) {
    throw error{path.string(), text_of("an added token ", what), R"({"content": text, "special": true}, with an id)"};
  };
  if (!one.is_object() || !one.contains("content") || !one["content"].is_string()) fail("has no content");
  if (!id.is_number_unsigned()) fail(text_of(in_quotes(one["content"].get<std::string>()), " has no id"));
  bool const is_special = one.contains("special") && one["special"] == true;
  if (is_special && one["content"] != "") found.emplace(one["content"].get<std::string>(), id.get<token>());
}

}  // namespace detail

/// The special tokens that a model folder adds to its tokenizer: those of `added_tokens_decoder` in
/// tokenizer_config.json or, without it, of `added_tokens` in tokenizer.json; none without either. Throws
/// headcount::error for a file that is malformed. Source: transformers, `PreTrainedTokenizerBase`.
[[nodiscard]] inline special_tokens read_special_tokens(std::filesystem::path const& folder) {
  special_tokens found;
  if (auto const path = folder / "tokenizer_config.json"; std::filesystem::exists(path)) {
    auto const json = read_json(path);
    if (json.is_object() && json.contains("added_tokens_decoder")) {
      for (auto const& [key, one] : json["added_tokens_decoder"].items()) {
        unsigned id = 0;
        auto const [end, status] = std::from_chars(key.data(), key.data() + key.size(), id);
        bool const is_id = status == std::errc{} && end == key.data() + key.size();
        detail::add_special_token(found, path, is_id ? nlohmann::json(id) : nlohmann::json(key), one);
      }
      return found;
    }
  }
  if (auto const path = folder / "tokenizer.json"; std::filesystem::exists(path)) {
    auto const json = read_json(path);
    if (json.is_object() && json.contains("added_tokens"))
      for (auto const& one : json["added_tokens"])
        detail::add_special_token(found, path, one.is_object() && one.contains("id") ? one["id"] : nlohmann::json{},
                                  one);
  }
  return found;
}

}  // namespace headcount::v0::reference
