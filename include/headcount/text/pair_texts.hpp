#pragma once

#include <algorithm>
#include <cctype>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/token.hpp>

namespace headcount::v0::evaluate {

/// What turns texts into tokens and back.
template <class Tokenizer>
concept text_tokenizer = requires(Tokenizer const& words, std::string_view text, std::span<token const> tokens) {
  { words.encode(text) } -> std::same_as<std::vector<token>>;
  { words.decode(tokens) } -> std::same_as<std::string>;
  { words.bos() } -> std::same_as<std::optional<token>>;
};

/// A text's tokens, the tokenizer's BOS first: one, where the text begins with its mark, as texts of chats do.
template <text_tokenizer Tokenizer>
[[nodiscard]] std::vector<token> encode_with_bos(Tokenizer const& words, std::string_view text) {
  auto tokens = words.encode(text);
  if (auto const bos = words.bos(); bos && (tokens.empty() || tokens.front() != *bos))
    tokens.insert(tokens.begin(), *bos);
  return tokens;
}

/// A prompt and a continuation as tokens.
struct text_pair {
  std::vector<token> prompt{};
  std::vector<token> continuation{};
};

/// Encodes a prompt and what follows it. White space at the prompt's end counts to the continuation; the continuation's
/// tokens are what both encoded together have beyond as many tokens as the prompt has.
/// Source: lm-evaluation-harness, `TemplateLM._encode_pair`.
template <text_tokenizer Tokenizer>
[[nodiscard]] text_pair pair_texts(Tokenizer const& words, std::string prompt, std::string continuation) {
  auto const is_space = [](char sign) { return std::isspace(static_cast<unsigned char>(sign)) != 0; };
  auto const end = std::find_if_not(prompt.rbegin(), prompt.rend(), is_space).base();
  continuation.insert(0, std::string{end, prompt.end()});
  prompt.erase(end, prompt.end());
  text_pair pair{.prompt = encode_with_bos(words, prompt)};
  auto const whole = encode_with_bos(words, prompt + continuation);
  auto const split = (std::min)(pair.prompt.size(), whole.size());
  pair.continuation.assign(whole.begin() + static_cast<std::ptrdiff_t>(split), whole.end());
  return pair;
}

/// Takes tokens off the prompt's start until prompt and continuation, less its last token, are at most `most` tokens.
/// Source: lm-evaluation-harness, `_loglikelihood_tokens`.
inline void truncate_left(text_pair& pair, std::size_t most) {
  auto const whole = pair.prompt.size() + pair.continuation.size();
  if (whole <= most + 1) return;
  auto const cut = (std::min)(whole - (most + 1), pair.prompt.size() - 1);
  pair.prompt.erase(pair.prompt.begin(), pair.prompt.begin() + static_cast<std::ptrdiff_t>(cut));
}

}  // namespace headcount::v0::evaluate
