#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/task/needle/haystack.hpp>
#include <headcount/task/needle/hidden_needle.hpp>
#include <headcount/task/needle/needle_kind.hpp>
#include <headcount/task/needle/prompt_form.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate {

/// Prompts, no two alike.
struct text_needles {
  std::vector<text_needle> prompts{};
  std::size_t duplicates = 0;  ///< cells left out because their prompt was there already
};

/// Which prompts are made.
struct needle_grid {
  std::vector<std::size_t> lengths{250, 677, 1105, 1532, 1959, 2387, 2814, 3241, 3669, 4096};  ///< tokens of a prompt
  std::vector<double> depths{0, 11, 22, 33, 44, 56, 67, 78, 89, 100};                          ///< percent
  std::size_t needles = 1;                                                                     ///< prompts a cell
  std::size_t distractors = 0;  ///< needles about something else in the same context
};

/// The name of a cell: "LENGTH/DEPTH/NEEDLE".
[[nodiscard]] inline std::string name_of_cell(std::size_t length, double depth, std::size_t needle) {
  std::array<char, 32> digits{};
  auto const* const end = std::to_chars(digits.data(), digits.data() + digits.size(), depth).ptr;
  std::string_view const percent{digits.data(), static_cast<std::size_t>(end - digits.data())};
  return text_of(length, "/", percent, "/", needle);
}

namespace detail {

/// One needle with its part of the haystack and its distractors.
template <text_tokenizer Tokenizer>
class needle_maker {
 public:
  needle_maker(Tokenizer const& tokenizer, haystack const& hay, needle_kind const& kind, std::size_t distractors,
               random_stream random)
      : tokenizer_{tokenizer}, hay_{hay}, form_{kind.form}, needles_{draw_needles(kind, 1 + distractors, random)} {
    auto& end = form_.turn_end.empty() ? form_.after_question : form_.turn_end;
    if (form_.turn_end.empty()) end.erase(end.find_last_not_of(" \n") + 1);  // a space is the start of the answer
    first_ = random.below(hay.sentences.size());
    for (std::size_t i = 0; i < distractors; ++i) places_.push_back(random.number());
  }

  /// Takes as many sentences as fit a length. Throws headcount::error when not even the needles do.
  void fit(std::size_t length) {
    sizes_.clear();
    auto tokens = make(0).tokens.size();
    if (tokens > length)
      throw error{"needle", text_of("length ", length, " is too short"), text_of("at least ", tokens)};
    std::size_t const readings = form_.read == context_reading::once ? 1 : 2;
    for (; tokens <= length; tokens += readings * sizes_.back())
      sizes_.push_back(std::max<std::size_t>(tokenizer_.encode(sentence(sizes_.size())).size(), 1));
    // That was a guess from each sentence by itself. What counts is the prompt.
    while (make(0).tokens.size() > length) sizes_.pop_back();
    if (sizes_.empty())
      throw error{"needle", text_of("no sentence of the haystack fits into length ", length),
                  "texts of shorter sentences, which end with a full stop or an empty line"};
  }

  /// The prompt with the needle where it comes closest to a depth.
  [[nodiscard]] text_needle at(double depth) const { return make(gap_at(sizes_, depth / 100)); }

 private:
  [[nodiscard]] std::string const& sentence(std::size_t i) const {
    return hay_.sentences[(first_ + i) % hay_.sentences.size()];
  }

  [[nodiscard]] text_needle make(std::size_t gap) const {
    auto const& asked = needles_.front();
    std::vector<std::string> sentences, needles;
    for (std::size_t i = 0; i < sizes_.size(); ++i) sentences.push_back(sentence(i));
    for (auto const& one : needles_) needles.push_back(one.sentence);
    std::vector<std::size_t> gaps{gap};
    for (auto const place : places_)
      gaps.push_back(static_cast<std::size_t>(place * static_cast<double>(sizes_.size() + 1)));
    text_needle result{.answer = asked.answer, .phrases = asked.phrases};
    result.factors = {{"needle", asked.sentence}, {"haystack", text_of("from sentence ", first_)}};
    encode_needle(tokenizer_, pieces_of_prompt(form_, hide_needles(sentences, needles, gaps), asked.question), result);
    return result;
  }

  Tokenizer const& tokenizer_;
  haystack const& hay_;
  prompt_form form_;
  std::vector<drawn_needle> needles_;
  std::size_t first_ = 0;
  std::vector<double> places_{};      ///< of distractors, 0 to 1
  std::vector<std::size_t> sizes_{};  ///< tokens of each sentence
};

}  // namespace detail

/// Makes the prompts of a grid by the corrected protocol: whole sentences up to the length, the question included; the
/// needle between two of them, where its first token comes closest to the depth; positions from the construction.
/// Each prompt is about a needle of its own, in its own part of the haystack: they depend on the seed and the prompt's
/// name alone. Throws headcount::error for a grid that cannot be.
template <text_tokenizer Tokenizer>
[[nodiscard]] text_needles make_text_needles(Tokenizer const& tokenizer, haystack const& hay, needle_kind const& kind,
                                             needle_grid const& grid, std::uint64_t seed) {
  for (auto const depth : grid.depths)
    if (!(depth >= 0 && depth <= 100)) throw error{"needle", "a depth is out of range", "0 to 100, in percent"};
  text_needles made;
  std::set<std::vector<token>> seen;
  for (std::size_t n = 0; n < grid.needles; ++n)
    for (auto const length : grid.lengths)
      for (auto const depth : grid.depths) {
        auto const id = name_of_cell(length, depth, n);
        detail::needle_maker maker{tokenizer, hay, kind, grid.distractors, random_stream{mix_bits(seed) ^ hash_of(id)}};
        maker.fit(length);
        auto one = maker.at(depth);
        one.length = length;
        one.depth = depth;
        one.id = id;
        if (seen.insert(one.tokens).second) made.prompts.push_back(std::move(one));
        else ++made.duplicates;
      }
  return made;
}

}  // namespace headcount::v0::evaluate
