#pragma once

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/text/json/added_tokens.hpp>
#include <headcount/text/json/fields.hpp>

namespace headcount::v0::reference {

/// Reads an added token's name and flags, as both files of a tokenizer have them.
[[nodiscard]] inline added_token read_added_token(json_fields& from, token id) {
  added_token one{.content = from.text("content"), .id = id, .special = from.flag("special", false)};
  one.single_word = from.flag("single_word", false);
  one.lstrip = from.flag("lstrip", false);
  one.rstrip = from.flag("rstrip", false);
  one.normalized = from.flag("normalized", !one.special);
  from.pass_over({"id", "__type"});
  from.finish();
  return one;
}

/// What tokenizer_config.json says beside a tokenizer's own file. Source: transformers 5, `TokenizersBackend`.
struct tokenizer_config {
  std::vector<added_token> added{};    ///< in order of their ids
  std::vector<std::string> special{};  ///< names of tokens that have a part, as BOS
  std::optional<std::string> bos{};    ///< the name of the token that may begin a text
  std::optional<bool> adds_bos{};      ///< whether it does; none: as the tokenizer's own file says
};

/// Reads it from a model folder; none without the file. Throws headcount::error that names what is malformed, or says
/// what is not implemented. What is about chats, lengths and padding is passed over.
[[nodiscard]] inline std::optional<tokenizer_config> read_tokenizer_config(std::filesystem::path const& folder) {
  auto const path = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(std::filesystem::symlink_status(path))) return {};
  auto const json = read_json(path);
  json_fields from{path.string(), json};
  tokenizer_config config;
  if (auto const& added = from.optional("added_tokens_decoder"); !added.is_null()) {
    if (!added.is_object()) from.fail("added_tokens_decoder", R"({"ID": {"content": text, ...}, ...})");
    for (auto const& [key, value] : added.items()) {
      json_fields one{text_of(from.where("added_tokens_decoder"), ".", key), value};
      token id = 0;
      auto const [end, status] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (status != std::errc{} || end != key.data() + key.size() || id < 0)
        throw error{one.where(), "the key is no token id", R"({"ID": {"content": text, ...}, ...})"};
      config.added.push_back(read_added_token(one, id));
    }
    std::ranges::sort(config.added, {}, &added_token::id);
  }
  auto const name = [&](nlohmann::json const& value) -> std::optional<std::string> {
    auto const& text = value.is_object() && value.contains("content") ? value["content"] : value;
    return text.is_string() ? std::optional{text.get<std::string>()} : std::nullopt;
  };
  config.bos = name(from.optional("bos_token"));
  for (auto const* key : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"})
    if (auto const one = name(from.optional(key))) config.special.push_back(*one);
  for (auto const* key : {"additional_special_tokens", "extra_special_tokens"})
    for (auto const& value : from.optional(key))
      if (auto const one = name(value)) config.special.push_back(*one);
  for (auto const* key : {"split_special_tokens", "add_eos_token"})
    if (from.flag(key, false)) from.fail(key, "false");
  if (json.contains("add_bos_token") || json.contains("add_eos_token"))
    config.adds_bos = from.flag("add_bos_token", false);
  return config;
}

}  // namespace headcount::v0::reference
