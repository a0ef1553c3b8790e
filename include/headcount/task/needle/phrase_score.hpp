#pragma once

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// Words that an answer is looked through for, and what they are worth.
struct weighted_phrase {
  std::string text{};
  double weight = 1;
};

/// What an answer is scored by: phrases add up, and the whole sentence gets the most, whatever else is said.
struct phrase_set {
  std::vector<weighted_phrase> phrases{};
  std::string whole{};  ///< worth `most`; empty: there is no such sentence
  double most = 5;
};

/// The published weights: of the needle about San Francisco, 0 to 5 in {0, 0.5, 1, 1.5, 2, 2.5, 3, 5}.
/// "sit in dolores park" is worth 1, half of it for the park alone.
[[nodiscard]] inline phrase_set published_phrases() {
  return {
      .phrases = {{"eat a sandwich", 1}, {"dolores park", 0.5}, {"sit in dolores park", 0.5}, {"on a sunny day", 1}},
      .whole = "The best thing to do in San Francisco is eat a sandwich and sit in Dolores Park on a sunny day."};
}

/// A text to compare: lower case, without punctuation, with single spaces and none at its ends. Letters beyond ASCII
/// stay as they are; of punctuation beyond it, the General Punctuation block goes (dashes, quotes, ...).
[[nodiscard]] inline std::string plain_text(std::string_view text) {
  std::string plain;
  bool gap = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const byte = static_cast<unsigned char>(text[i]);
    bool const is_general_punctuation = byte == 0xe2 && i + 2 < text.size() &&
                                        (static_cast<unsigned char>(text[i + 1]) & 0xfe) == 0x80 &&
                                        static_cast<unsigned char>(text[i + 2]) >= 0x90;
    if (is_general_punctuation) {
      i += 2;
    } else if (byte < 0x80 && std::isspace(byte) != 0) {
      gap = true;
    } else if (byte >= 0x80 || std::isalnum(byte) != 0 || byte == '_') {
      if (gap && !plain.empty()) plain += ' ';
      gap = false;
      plain += byte < 0x80 ? static_cast<char>(std::tolower(byte)) : text[i];
    }
  }
  return plain;
}

/// What an answer is worth: `most` when the whole sentence is in it, else the sum of the phrases that are.
/// O(answer * phrases). Source: Michalak & Abreu 2025, the score of their needle task.
[[nodiscard]] inline double score_phrases(phrase_set const& set, std::string_view answer) {
  auto const said = plain_text(answer);
  auto const has = [&](std::string const& words) { return said.find(plain_text(words)) != said.npos; };
  if (!set.whole.empty() && has(set.whole)) return set.most;
  double sum = 0;
  for (auto const& [text, weight] : set.phrases)
    if (has(text)) sum += weight;
  return sum;
}

}  // namespace headcount::v0::evaluate
