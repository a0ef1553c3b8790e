#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

/// A text's tokens and where its pieces stand in them.
struct text_parts {
  std::vector<token> tokens{};        ///< BOS first
  std::vector<std::size_t> begins{};  ///< piece i is tokens begins[i] to begins[i + 1] - 1; one more than pieces

  /// The positions of a piece; empty where it has no token of its own.
  [[nodiscard]] token_positions positions(std::size_t piece) const {
    if (begins[piece] == begins[piece + 1]) return {};
    return {{begins[piece], begins[piece + 1] - 1}};
  }
};

/// Encodes pieces together, as the one text that they are, and says where each begins. A token that reaches over the
/// border of two pieces counts to the earlier one, and white space between them to the later one. Nothing is searched
/// for: what comes before a border is encoded by itself. O(pieces * tokens).
template <text_tokenizer Tokenizer>
[[nodiscard]] text_parts encode_parts(Tokenizer const& tokenizer, std::span<std::string const> pieces) {
  std::string text;
  for (auto const& piece : pieces) text += piece;
  text_parts parts{.tokens = encode_with_bos(tokenizer, text)};
  auto const& all = parts.tokens;
  std::size_t const start = tokenizer.bos() ? 1 : 0;
  auto const size_of = [&](std::size_t count) {
    return tokenizer.decode(std::span{all}.subspan(start, count - start)).size();
  };
  std::size_t end = 0;
  for (auto const& piece : pieces) {
    auto text_before = std::string_view{text}.substr(0, end);
    text_before = text_before.substr(0, text_before.find_last_not_of(" \t\r\n") + 1);
    auto const before = encode_with_bos(tokenizer, text_before);
    auto const common = std::ranges::mismatch(before, all).in2 - all.begin();
    auto begin = (std::max)(static_cast<std::size_t>(common), start);
    if (begin < before.size()) {  // tokens are not those of the beginning by itself: go by what they say
      auto const said = tokenizer.decode(std::span{before}.subspan(start)).size();
      while (begin < all.size() && size_of(begin) < said) ++begin;
    }
    parts.begins.push_back(begin);
    end += piece.size();
  }
  parts.begins.push_back(all.size());
  return parts;
}

}  // namespace headcount::v0::evaluate
