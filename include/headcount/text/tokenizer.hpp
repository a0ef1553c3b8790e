#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sentencepiece_processor.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/text/special_tokens.hpp>
#include <headcount/text/tokenizer_json.hpp>

namespace headcount::v0::reference {

/// A SentencePiece tokenizer, read from a model folder's `tokenizer.model` or from a `tokenizer.json` that was made of
/// one, with the special tokens of the same folder.
class tokenizer {
 public:
  /// Throws headcount::error when the file cannot be read or is no SentencePiece model, or what is beside it is
  /// malformed.
  explicit tokenizer(std::filesystem::path const& path)
      : processor_{std::make_shared<sentencepiece::SentencePieceProcessor>()},
        special_{read_special_tokens(path.parent_path())} {
    auto const status = path.extension() == ".json"
                            ? processor_->LoadFromSerializedProto(sentencepiece_of(path, bos_beside(path)))
                            : processor_->Load(path.string());
    if (!status.ok()) throw error{path.string(), text_of("not a SentencePiece model: ", status.ToString())};
    for (auto const& [text, id] : special_)
      if (first_signs_.find(text.front()) == first_signs_.npos) first_signs_ += text.front();
  }

  /// The tokenizer of a model folder: `tokenizer.model` or else `tokenizer.json`; none without either.
  [[nodiscard]] static std::optional<tokenizer> of_folder(std::filesystem::path const& folder) {
    for (auto const* name : {"tokenizer.model", "tokenizer.json"})
      if (std::filesystem::exists(folder / name)) return tokenizer{folder / name};
    return {};
  }

  /// The token that starts a text; empty when the tokenizer has none.
  [[nodiscard]] std::optional<token> bos() const {
    auto const id = processor_->bos_id();
    return id < 0 ? std::nullopt : std::optional{static_cast<token>(id)};
  }

  /// The tokens of a text, without a BOS. A special token's name is that token, and what stands between two of them is
  /// encoded by itself, as transformers does.
  [[nodiscard]] std::vector<token> encode(std::string_view text) const {
    std::vector<token> tokens;
    auto const add = [&](std::string_view plain) {
      auto const ids = processor_->EncodeAsIds({plain.data(), plain.size()});
      tokens.insert(tokens.end(), ids.begin(), ids.end());
    };
    for (auto at = text.find_first_of(first_signs_); at != text.npos; at = text.find_first_of(first_signs_, at)) {
      auto const found = special_at(text.substr(at));
      if (found == special_.end()) {
        ++at;
        continue;
      }
      if (at > 0) add(text.substr(0, at));
      tokens.push_back(found->second);
      text.remove_prefix(at + found->first.size());
      at = 0;
    }
    if (!text.empty()) add(text);
    return tokens;
  }

  /// The text of some tokens; ids that the tokenizer does not have are read as its unknown token.
  [[nodiscard]] std::string decode(std::span<token const> tokens) const {
    std::vector<int> ids{tokens.begin(), tokens.end()};
    for (auto& id : ids)
      if (id < 0 || id >= processor_->GetPieceSize()) id = processor_->unk_id();
    return processor_->DecodeIds(ids);
  }

 private:
  /// The longest special token that a text begins with.
  [[nodiscard]] special_tokens::const_iterator special_at(std::string_view text) const {
    auto longest = special_.end();
    for (auto one = special_.begin(); one != special_.end(); ++one)
      if (text.starts_with(one->first) && (longest == special_.end() || one->first.size() > longest->first.size()))
        longest = one;
    return longest;
  }

  /// What tokenizer_config.json calls `bos_token`, a text or an object with it.
  [[nodiscard]] static std::string bos_beside(std::filesystem::path const& path) {
    auto const config = path.parent_path() / "tokenizer_config.json";
    if (!std::filesystem::exists(config)) return "<s>";
    auto json = read_json(config);
    json = json.is_object() && json.contains("bos_token") ? json["bos_token"] : nlohmann::json{};
    if (json.is_object() && json.contains("content")) json = json["content"];
    return json.is_string() ? json.get<std::string>() : "<s>";
  }

  std::shared_ptr<sentencepiece::SentencePieceProcessor> processor_;
  special_tokens special_;
  std::string first_signs_{};
};

}  // namespace headcount::v0::reference
