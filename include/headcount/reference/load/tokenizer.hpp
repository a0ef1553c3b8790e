#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sentencepiece_processor.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>

namespace headcount::inline v0::reference {

/// A SentencePiece tokenizer, read from a model folder's `tokenizer.model`.
class tokenizer {
 public:
  /// Throws headcount::error when the file cannot be read or is no SentencePiece model.
  explicit tokenizer(std::filesystem::path const& path)
      : processor_{std::make_shared<sentencepiece::SentencePieceProcessor>()} {
    auto const status = processor_->Load(path.string());
    if (!status.ok()) throw error{path.string(), text_of("not a SentencePiece model: ", status.ToString())};
  }

  /// The token that starts a text; empty when the tokenizer has none.
  [[nodiscard]] std::optional<token> bos() const {
    auto const id = processor_->bos_id();
    return id < 0 ? std::nullopt : std::optional{static_cast<token>(id)};
  }

  /// The tokens of a text, without a BOS.
  [[nodiscard]] std::vector<token> encode(std::string_view text) const {
    auto const ids = processor_->EncodeAsIds({text.data(), text.size()});
    return {ids.begin(), ids.end()};
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
};

}  // namespace headcount::inline v0::reference
