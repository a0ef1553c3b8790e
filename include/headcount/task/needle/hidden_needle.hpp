#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/task/hide.hpp>
#include <headcount/task/needle/phrase_score.hpp>
#include <headcount/task/needle/prompt_form.hpp>
#include <headcount/task/needle/text_parts.hpp>
#include <headcount/task/task.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

/// A question about a needle in a haystack.
struct text_needle {
  std::string id{};                 ///< "LENGTH/DEPTH/NEEDLE"
  std::size_t length = 0;           ///< tokens asked for
  double depth = 0;                 ///< asked for, in percent
  double realised_depth = 0;        ///< where the needle is: percent of the haystack's tokens that stand before it
  std::vector<token> tokens{};      ///< the prompt, BOS first
  std::size_t before_question = 0;  ///< tokens that do not know the question yet
  token_positions context{};        ///< the haystack's tokens and the needle's, in every reading
  token_positions needle{};         ///< the needle's, in every reading
  std::string answer{};             ///< what the model should say
  phrase_set phrases{};             ///< what it is scored by
  std::vector<factor> factors{};    ///< its needle and its part of the haystack
};

/// Encodes a prompt and notes what is where in it.
template <text_tokenizer Tokenizer>
void encode_needle(Tokenizer const& tokenizer, std::span<text_piece const> pieces, text_needle& result) {
  std::vector<std::string> texts;
  for (auto const& piece : pieces) texts.push_back(piece.text);
  auto parts = encode_parts(tokenizer, texts);
  result.before_question = parts.tokens.size();
  result.needle = {};
  result.context = {};
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].kind == piece_kind::question)
      result.before_question = (std::min)(result.before_question, parts.begins[i]);
    for (auto const range : parts.positions(i)) {
      if (pieces[i].kind == piece_kind::needle) result.needle.insert(range);
      if (pieces[i].kind == piece_kind::needle || pieces[i].kind == piece_kind::context) result.context.insert(range);
    }
  }
  result.tokens = std::move(parts.tokens);
  // By the first reading: all readings are alike.
  result.realised_depth = 0;
  if (result.needle.empty()) return;
  auto const context = *result.context.begin();
  auto const needle = *result.needle.begin();
  auto const straw = (context.last - context.first) - (needle.last - needle.first);
  if (straw > 0)
    result.realised_depth = 100 * static_cast<double>(needle.first - context.first) / static_cast<double>(straw);
}

/// A context with needles in the gaps between its sentences, see hide; the first is the one that is asked for. Joined
/// by single spaces.
[[nodiscard]] inline std::vector<text_piece> hide_needles(std::span<std::string const> sentences,
                                                          std::span<std::string const> needles,
                                                          std::span<std::size_t const> gaps) {
  std::vector<text_piece> result{{piece_kind::context, {}}};
  bool is_first = true;
  auto const add = [&](std::string const& text) {
    result.back().text.append(is_first ? "" : " ").append(text);
    is_first = false;
  };
  hide(
      sentences.size(), gaps,
      [&](std::size_t i) {
        if (i == 0) result.push_back({piece_kind::needle, {}});
        add(needles[i]);
        if (i == 0) result.push_back({piece_kind::context, {}});
      },
      [&](std::size_t i) { add(sentences[i]); });
  return result;
}

/// The gap between pieces of some sizes where what stands before comes closest to a share of the whole; of two that are
/// as close the earlier. `share` is 0 to 1.
[[nodiscard]] inline std::size_t gap_at(std::span<std::size_t const> sizes, double share) {
  std::size_t all = 0;
  for (auto const size : sizes) all += size;
  auto const wanted = share * static_cast<double>(all);
  std::size_t before = 0;
  std::size_t gap = 0;
  auto const miss = [&](std::size_t place) { return std::abs(static_cast<double>(place) - wanted); };
  while (gap < sizes.size() && miss(before + sizes[gap]) < miss(before)) before += sizes[gap++];
  return gap;
}

}  // namespace headcount::v0::evaluate
