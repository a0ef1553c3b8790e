#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/utf8.hpp>
#include <headcount/text/json/added_token_list.hpp>
#include <headcount/text/json/added_tokens.hpp>
#include <headcount/text/json/byte_pairs.hpp>
#include <headcount/text/json/fields.hpp>
#include <headcount/text/json/first_token.hpp>
#include <headcount/text/json/normalizer.hpp>
#include <headcount/text/json/pre_tokenizer.hpp>
#include <headcount/text/json/token_decoder.hpp>
#include <headcount/text/json/tokenizer_config.hpp>

namespace headcount::v0::reference {

/// The tokenizer of a tokenizer.json: the ids of Hugging Face's tokenizers, or an error that names what is not
/// implemented. A text goes through added tokens, normalizer, added tokens that are normalised, pre_tokenizer and
/// byte-pair encoding. Copies share it.
class json_tokenizer {
 public:
  /// Reads the file, with tokenizer_config.json and config.json beside it for what they say of it. Throws
  /// headcount::error.
  explicit json_tokenizer(std::filesystem::path const& path) : json_tokenizer{path, read_json(path)} {}
  /// What the file at `path` says, as it was read.
  json_tokenizer(std::filesystem::path const& path, nlohmann::json const& json)
      : parts_{std::make_shared<parts const>(path, json)} {}

  /// The token that begins a text: tokenizer_config.json's bos_token or none, as its add_bos_token says; without that
  /// key, the post_processor's. A file without either that is not byte-level has SentencePiece's way: bos_token, or
  /// else config.json's bos_token_id. Empty when there is none.
  [[nodiscard]] std::optional<token> bos() const noexcept { return parts_->bos; }

  /// The tokens of a text, without a BOS. What is not UTF-8 is read as U+FFFD.
  [[nodiscard]] std::vector<token> encode(std::string_view raw) const {
    std::vector<token> ids;
    auto const& [model, normalizer, words, decoder, raw_tokens, normal_tokens, by_id, bos] = *parts_;
    auto const known = [&](token id) { ids.push_back(id); };
    auto const text = as_utf8(raw);
    raw_tokens.split(
        text,
        [&](std::string_view plain, std::size_t place) {
          auto const normal = normalizer(plain);
          normal_tokens.split(
              normal,
              [&](std::string_view part, std::size_t inner) {
                for (auto const& word : words({std::string{part}, place == 0 && inner == 0}))
                  model.encode(word.text, ids);
              },
              known);
        },
        known);
    return ids;
  }

  /// The text of some tokens, without special ones; ids that the tokenizer does not have are passed over.
  [[nodiscard]] std::string decode(std::span<token const> tokens) const {
    std::vector<std::string> pieces;
    for (auto const id : tokens) {
      if (auto const added = parts_->by_id.find(id); added != parts_->by_id.end()) {
        if (!added->second.special) pieces.push_back(added->second.content);
      } else if (auto const* const piece = parts_->model.piece_of(id)) {
        pieces.push_back(*piece);
      }
    }
    return parts_->decoder(std::move(pieces));
  }

 private:
  struct parts {
    byte_pairs model;
    text_normalizer normalizer{};
    pre_tokenizer words{};
    token_decoder decoder{};
    added_token_finder raw_tokens{};     ///< looked for in the text as it is
    added_token_finder normal_tokens{};  ///< looked for in the normalised text
    std::unordered_map<token, added_token> by_id{};
    std::optional<token> bos{};

    parts(std::filesystem::path const& path, nlohmann::json const& json)
        : parts{path, json_fields{path.string(), json}} {}
    parts(std::filesystem::path const& path, json_fields from)
        : model{json_fields{from.where("model"), from.at("model")}} {
      auto const read = [&]<class Part>(Part& part, char const* key) {
        if (auto const& value = from.optional(key); !value.is_null()) part = Part{json_fields{from.where(key), value}};
      };
      read(normalizer, "normalizer");
      read(words, "pre_tokenizer");
      read(decoder, "decoder");
      for (auto const* key : {"truncation", "padding"})
        if (!from.optional(key).is_null()) from.fail(key, "null");
      auto const config = read_tokenizer_config(path.parent_path());
      added_token_list added{model};
      if (!from.optional("added_tokens").is_null())
        for (auto& one : from.list("added_tokens")) {
          auto const id = static_cast<token>(one.count("id"));
          added.add(read_added_token(one, id), one.where());
        }
      if (config) {
        for (auto const& one : config->added) added.add(one, "tokenizer_config.json, added_tokens_decoder");
        for (auto const& name : config->special) added.add_special(name);
      }
      for (auto one : added.all()) {
        if (one.normalized) one.content = normalizer(one.content);
        (one.normalized ? normal_tokens : raw_tokens).add(one);
        by_id.insert_or_assign(one.id, std::move(one));
      }
      bos = bos_of(path, from, config, added);
      from.pass_over({"version", "post_processor"});
      from.finish();
    }

    [[nodiscard]] std::optional<token> bos_of(std::filesystem::path const& path, json_fields& from,
                                              std::optional<tokenizer_config> const& config,
                                              added_token_list const& added) const {
      auto const named = config && config->bos ? added.id_of(*config->bos) : std::nullopt;
      if (config && config->adds_bos) return *config->adds_bos ? named : std::nullopt;
      if (auto const& processor = from.optional("post_processor"); !processor.is_null())
        return first_token({from.where("post_processor"), processor});
      if (words.is_byte_level() || named) return words.is_byte_level() ? std::nullopt : named;
      auto const beside = path.parent_path() / "config.json";
      if (!std::filesystem::exists(beside)) return {};
      auto const json = read_json(beside);
      auto const id = json.is_object() ? json.value("bos_token_id", nlohmann::json{}) : nlohmann::json{};
      return id.is_number_unsigned() && id < 1u << 24u ? std::optional{id.get<token>()} : std::nullopt;
    }
  };

  std::shared_ptr<parts const> parts_;
};

}  // namespace headcount::v0::reference
