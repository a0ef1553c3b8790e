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
#include <headcount/file/utf8.hpp>
#include <headcount/text/json/added_tokens.hpp>
#include <headcount/text/json/tokenizer_config.hpp>

namespace headcount::v0::reference {

/// A SentencePiece tokenizer, a model folder's `tokenizer.model`, with the tokens that tokenizer_config.json beside it
/// adds. Copies share it.
class sentencepiece_tokenizer {
 public:
  /// Throws headcount::error when the file cannot be read or is no SentencePiece model, or what is beside it is
  /// malformed.
  explicit sentencepiece_tokenizer(std::filesystem::path const& path)
      : processor_{std::make_shared<sentencepiece::SentencePieceProcessor>()} {
    auto const status = processor_->Load(path.string());
    if (!status.ok()) throw error{path.string(), text_of("not a SentencePiece model: ", status.ToString())};
    added_token_finder added;
    auto const config = read_tokenizer_config(path.parent_path());
    if (config)
      for (auto const& one : config->added) added.add(one);
    has_bos_ = processor_->bos_id() >= 0 && !(config && config->adds_bos == false);
    added_ = std::make_shared<added_token_finder const>(std::move(added));
  }

  /// The same from the bytes of a tokenizer.model; `name` says in errors where they lay.
  sentencepiece_tokenizer(std::string_view bytes, std::string const& name)
      : processor_{std::make_shared<sentencepiece::SentencePieceProcessor>()},
        added_{std::make_shared<added_token_finder const>()} {
    auto const status = processor_->LoadFromSerializedProto({bytes.data(), bytes.size()});
    if (!status.ok()) throw error{name, text_of("not a SentencePiece model: ", status.ToString())};
    has_bos_ = processor_->bos_id() >= 0;
  }

  /// The token that begins a text; empty when the tokenizer has none, or tokenizer_config.json says it adds none.
  [[nodiscard]] std::optional<token> bos() const {
    return has_bos_ ? std::optional<token>{processor_->bos_id()} : std::nullopt;
  }

  /// The tokens of a text, without a BOS. What is not UTF-8 is read as U+FFFD; what stands between two added tokens is
  /// encoded by itself, as transformers does.
  [[nodiscard]] std::vector<token> encode(std::string_view raw) const {
    std::vector<token> tokens;
    auto const text = as_utf8(raw);
    added_->split(
        text,
        [&](std::string_view plain, std::size_t) {
          auto const ids = processor_->EncodeAsIds({plain.data(), plain.size()});
          tokens.insert(tokens.end(), ids.begin(), ids.end());
        },
        [&](token id) { tokens.push_back(id); });
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
  std::shared_ptr<sentencepiece::SentencePieceProcessor> processor_;
  std::shared_ptr<added_token_finder const> added_{};
  bool has_bos_ = false;
};

}  // namespace headcount::v0::reference
