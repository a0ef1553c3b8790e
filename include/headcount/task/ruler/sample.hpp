#pragma once

#include <algorithm>
#include <cctype>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/text/pair_texts.hpp>

namespace headcount::v0::evaluate::ruler {

/// One prompt, which ends with the beginning of its answer.
struct sample {
  std::string prompt{};
  std::vector<std::string> answers{};  ///< each should be said
  std::size_t max_new_tokens = 0;
};

/// The share of the answers that are somewhere in what was said; letters of either case are alike.
/// Source: RULER, `string_match_all` (which gives it in percent).
[[nodiscard]] inline double match_all(std::span<std::string const> answers, std::string_view said) {
  auto const same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  auto const is_said = [&](std::string const& answer) {
    return !std::ranges::search(said, answer, same).empty() || answer.empty();
  };
  if (answers.empty()) return 0;
  return static_cast<double>(std::ranges::count_if(answers, is_said)) / static_cast<double>(answers.size());
}

/// The largest sample that fits a number of tokens, BOS and those to be generated included. `make(size)` makes samples
/// that grow with their size; `least` is the smallest there is. Throws headcount::error when not even that fits.
template <text_tokenizer Tokenizer, std::invocable<std::size_t> Make>
[[nodiscard]] sample largest_sample(Tokenizer const& tokenizer, std::size_t length, std::size_t least,
                                    Make const& make) {
  auto const tokens_of = [&](sample const& one) {
    return encode_with_bos(tokenizer, one.prompt).size() + one.max_new_tokens;
  };
  auto const fits = [&](std::size_t size) { return tokens_of(make(size)) <= length; };
  if (!fits(least))
    throw error{"ruler", text_of("length ", length, " is too short"), text_of("at least ", tokens_of(make(least)))};
  std::size_t good = least;
  std::size_t bad = least + 1;
  while (fits(bad)) {
    if (bad > 8 * length)
      throw error{"ruler", "longer texts have no more tokens", "a tokenizer that knows the words of the text"};
    good = bad;
    bad *= 2;
  }
  while (bad - good > 1) {
    auto const middle = good + (bad - good) / 2;
    (fits(middle) ? good : bad) = middle;
  }
  return make(good);
}

}  // namespace headcount::v0::evaluate::ruler
