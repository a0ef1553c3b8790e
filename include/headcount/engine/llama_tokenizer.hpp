#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gguf.h>
#include <llama.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/text/any_tokenizer.hpp>
#include <headcount/text/pair_texts.hpp>
#include <headcount/text/sentencepiece_tokenizer.hpp>

namespace headcount::v0::evaluate {

/// The tokenizer inside a GGUF file, as llama.cpp has it. Marks of control tokens in a text stand for them. Copies
/// share the model.
class llama_tokenizer {
 public:
  /// Of a model; none where llama.cpp cannot read every text: without a vocabulary, or with a SentencePiece one that
  /// has no tokens of single bytes (it ends the program there).
  [[nodiscard]] static std::optional<llama_tokenizer> of_model(std::shared_ptr<llama_model const> model) {
    auto const* const vocabulary = llama_model_get_vocab(model.get());
    auto const type = llama_vocab_type(vocabulary);
    bool has_bytes = type != LLAMA_VOCAB_TYPE_SPM;
    for (llama_token id = 0; !has_bytes && id < llama_vocab_n_tokens(vocabulary); ++id)
      has_bytes = (llama_vocab_get_attr(vocabulary, id) & LLAMA_TOKEN_ATTR_BYTE) != 0;
    if (type == LLAMA_VOCAB_TYPE_NONE || !has_bytes) return {};
    return llama_tokenizer{std::move(model)};
  }

  /// The token that begins a text; empty when there is none.
  [[nodiscard]] std::optional<token> bos() const {
    auto const id = llama_vocab_bos(vocabulary());
    return id >= 0 && llama_vocab_get_add_bos(vocabulary()) ? std::optional<token>{id} : std::nullopt;
  }

  /// The tokens of a text, without a BOS.
  [[nodiscard]] std::vector<token> encode(std::string_view text) const {
    std::vector<llama_token> ids(text.size() + 2);
    auto const size = static_cast<std::int32_t>(text.size());
    auto count =
        llama_tokenize(vocabulary(), text.data(), size, ids.data(), static_cast<std::int32_t>(ids.size()), false, true);
    if (count < 0) {
      ids.resize(static_cast<std::size_t>(-count));
      count = llama_tokenize(vocabulary(), text.data(), size, ids.data(), -count, false, true);
    }
    return {ids.begin(), ids.begin() + count};
  }

  /// The text of some tokens; control tokens have none.
  [[nodiscard]] std::string decode(std::span<token const> tokens) const {
    std::vector<llama_token> const ids(tokens.begin(), tokens.end());
    auto const count = static_cast<std::int32_t>(ids.size());
    std::string text(ids.size() * 8 + 8, '\0');
    auto size = llama_detokenize(vocabulary(), ids.data(), count, text.data(), static_cast<std::int32_t>(text.size()),
                                 false, false);
    if (size < 0) {
      text.resize(static_cast<std::size_t>(-size));
      size = llama_detokenize(vocabulary(), ids.data(), count, text.data(), -size, false, false);
    }
    text.resize(static_cast<std::size_t>(size));
    return text;
  }

 private:
  explicit llama_tokenizer(std::shared_ptr<llama_model const> model) : model_{std::move(model)} {}
  [[nodiscard]] llama_vocab const* vocabulary() const noexcept { return llama_model_get_vocab(model_.get()); }

  std::shared_ptr<llama_model const> model_;
};

static_assert(text_tokenizer<llama_tokenizer>);

/// The key under which write_gguf puts a folder's tokenizer.model, byte for byte.
inline constexpr char const* own_tokenizer_key = "headcount.tokenizer.model";

/// The tokenizer of a GGUF file: the tokenizer.model that it was written with, or else llama.cpp's; none where there is
/// neither. Throws headcount::error where it is malformed.
[[nodiscard]] inline std::optional<any_tokenizer> tokenizer_of_gguf(std::filesystem::path const& file,
                                                                    std::shared_ptr<llama_model const> model) {
  std::unique_ptr<gguf_context, void (*)(gguf_context*)> const keys{
      gguf_init_from_file(file.string().c_str(), {.no_alloc = true, .ctx = nullptr}), &gguf_free};
  if (auto const at = keys ? gguf_find_key(keys.get(), own_tokenizer_key) : -1; at >= 0) {
    if (gguf_get_kv_type(keys.get(), at) != GGUF_TYPE_ARRAY || gguf_get_arr_type(keys.get(), at) != GGUF_TYPE_UINT8)
      throw error{file.string(), text_of(own_tokenizer_key, " holds no bytes"), "a tokenizer.model"};
    return reference::sentencepiece_tokenizer{
        {static_cast<char const*>(gguf_get_arr_data(keys.get(), at)), gguf_get_arr_n(keys.get(), at)},
        text_of(file.string(), ", ", own_tokenizer_key)};
  }
  if (auto own = llama_tokenizer::of_model(std::move(model))) return any_tokenizer{*std::move(own)};
  return {};
}

/// Every token that ends a text.
[[nodiscard]] inline std::vector<token> end_tokens_of(llama_model const& model) {
  auto const* const vocabulary = llama_model_get_vocab(&model);
  std::vector<token> all;
  for (llama_token id = 0; id < llama_vocab_n_tokens(vocabulary); ++id)
    if (llama_vocab_is_eog(vocabulary, id)) all.push_back(id);
  return all;
}

}  // namespace headcount::v0::evaluate
