#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/task/needle/haystack.hpp>
#include <headcount/task/needle/hidden_needle.hpp>
#include <headcount/task/needle/phrase_score.hpp>
#include <headcount/task/needle/prompt_form.hpp>
#include <headcount/task/needle/text_needle.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

/// The needle task as it was published, with what is wrong with it: prompts are up to 200 tokens shorter than their
/// length says, the needle goes back to the end of the sentence before its place or to the very start, so that several
/// depths give one prompt, and texts go through the tokenizer there and back.
/// Source: Michalak & Abreu 2025, arXiv 2510.19861, which follows Kamradt's LLMTest_NeedleInAHaystack.
struct published_protocol {
  std::string needle =
      "\nThe best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day.\n";
  std::string question = "What is the best thing to do in San Francisco?";
  std::vector<std::size_t> lengths{250, 677, 1105, 1532, 1959, 2387, 2814, 3241, 3669, 4096};  ///< nominal tokens
  std::vector<int> depths{0, 11, 22, 33, 44, 56, 67, 78, 89, 100};                             ///< percent
  std::size_t buffer = 200;  ///< tokens left free for everything else
  prompt_form form{};
};

/// `count` whole numbers from first to last in equal steps, halves rounded to even: how the published grids are made.
[[nodiscard]] inline std::vector<std::size_t> rounded_grid(std::size_t first, std::size_t last, std::size_t count) {
  std::vector<std::size_t> grid;
  for (std::size_t i = 0; i < count; ++i) {
    auto const step = static_cast<double>(last - first) / static_cast<double>(count - 1);
    grid.push_back(
        static_cast<std::size_t>(std::nearbyint(static_cast<double>(first) + static_cast<double>(i) * step)));
  }
  return grid;
}

/// Where the published protocol puts a needle: the tokens before it, of `context`. At 100% all; else that share, and
/// back to the last token that is a full stop, or to 0.
[[nodiscard]] inline std::size_t published_place(std::span<token const> context, std::span<token const> full_stop,
                                                 int depth) {
  if (depth == 100) return context.size();
  auto place = static_cast<std::size_t>(static_cast<double>(context.size()) * (depth / 100.0));
  while (place > 0 && std::ranges::find(full_stop, context[place - 1]) == full_stop.end()) --place;
  return place;
}

/// The published context: haystack and needle, as text. The haystack is repeated where it is too short. O(length).
template <text_tokenizer Tokenizer>
[[nodiscard]] std::string published_context(Tokenizer const& tokenizer, std::string_view haystack_text,
                                            published_protocol const& how, std::size_t length, int depth) {
  std::string text;
  std::vector<token> all;
  while (all.size() < length) {
    auto const had = all.size();
    all = tokenizer.encode(text.append(haystack_text));
    if (all.size() <= had) break;  // nothing in it
  }
  if (all.size() > length) all = tokenizer.encode(tokenizer.decode(std::span{all}.first(length)));
  auto const needle = tokenizer.encode(how.needle);
  auto const most = length - (std::min)(how.buffer, length);
  if (all.size() + needle.size() > most) all.resize((std::min)(all.size(), most - (std::min)(needle.size(), most)));
  auto const place = static_cast<std::ptrdiff_t>(published_place(all, tokenizer.encode("."), depth));
  all.insert(all.begin() + place, needle.begin(), needle.end());
  return tokenizer.decode(all);
}

/// All prompts of the published grid, the ones that are alike too. Where the needle's tokens are is found in the text;
/// the published code finds them in the tokens, less the first and the last.
template <text_tokenizer Tokenizer>
[[nodiscard]] std::vector<text_needle> make_published_needles(Tokenizer const& tokenizer, haystack const& hay,
                                                              published_protocol const& how = {}) {
  auto const first = how.needle.find_first_not_of(" \n");
  auto const sentence = how.needle.substr(first, how.needle.find_last_not_of(" \n") + 1 - first);
  std::vector<text_needle> prompts;
  for (auto const length : how.lengths)
    for (auto const depth : how.depths) {
      auto const context = published_context(tokenizer, hay.text, how, length, depth);
      auto const at = (std::min)(context.find(sentence), context.size());
      std::vector<text_piece> const pieces{
          {piece_kind::context, context.substr(0, at)},
          {piece_kind::needle, context.substr(at, sentence.size())},
          {piece_kind::context, context.substr((std::min)(at + sentence.size(), context.size()))}};
      text_needle one{.id = name_of_cell(length, depth, 0),
                      .length = length,
                      .depth = static_cast<double>(depth),
                      .answer = sentence,
                      .phrases = published_phrases(),
                      .factors = {{"needle", sentence}, {"haystack", "from its beginning"}}};
      encode_needle(tokenizer, pieces_of_prompt(how.form, pieces, how.question), one);
      prompts.push_back(std::move(one));
    }
  return prompts;
}

}  // namespace headcount::v0::evaluate
