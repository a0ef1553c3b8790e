#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/text/json_tokenizer.hpp>
#include <headcount/text/sentencepiece_tokenizer.hpp>

namespace headcount::v0::reference {

/// A model folder's tokenizer, of either kind. Copies share it.
class tokenizer {
 public:
  /// Reads a tokenizer.json, or else a SentencePiece model. Throws headcount::error as their own constructors do.
  explicit tokenizer(std::filesystem::path const& path)
      : words_{path.extension() == ".json" ? either{json_tokenizer{path}} : either{sentencepiece_tokenizer{path}}} {}

  /// The tokenizer of a model folder: `tokenizer.json`, as transformers reads it, or else `tokenizer.model`; none
  /// without either.
  [[nodiscard]] static std::optional<tokenizer> of_folder(std::filesystem::path const& folder) {
    for (auto const* name : {"tokenizer.json", "tokenizer.model"})
      if (std::filesystem::exists(std::filesystem::symlink_status(folder / name))) return tokenizer{folder / name};
    return {};
  }

  /// The file it was read from, in words.
  [[nodiscard]] std::string_view kind() const noexcept {
    return std::holds_alternative<json_tokenizer>(words_) ? "tokenizer.json" : "SentencePiece";
  }
  /// The token that begins a text; empty when there is none.
  [[nodiscard]] std::optional<token> bos() const {
    return std::visit([](auto const& words) { return words.bos(); }, words_);
  }
  /// The tokens of a text, without a BOS.
  [[nodiscard]] std::vector<token> encode(std::string_view text) const {
    return std::visit([&](auto const& words) { return words.encode(text); }, words_);
  }
  /// The text of some tokens.
  [[nodiscard]] std::string decode(std::span<token const> tokens) const {
    return std::visit([&](auto const& words) { return words.decode(tokens); }, words_);
  }

 private:
  using either = std::variant<json_tokenizer, sentencepiece_tokenizer>;
  either words_;
};

}  // namespace headcount::v0::reference
