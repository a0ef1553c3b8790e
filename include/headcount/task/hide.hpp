#pragma once

#include <cstddef>
#include <span>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// Hides needles between the sentences of a haystack, whatever language they are in: gap g stands before sentence g,
/// and gap `sentences` after the last. Calls `add_needle(i)` for every needle, `gaps[i]` being its gap, and
/// `add_sentence(g)` for every sentence, in the order of the text; needles of one gap in their own. A needle beyond the
/// last gap is left out. O(sentences * needles).
template <class AddNeedle, class AddSentence>
void hide(std::size_t sentences, std::span<std::size_t const> gaps, AddNeedle const& add_needle,
          AddSentence const& add_sentence) {
  for (std::size_t gap = 0; gap <= sentences; ++gap) {
    for (std::size_t i = 0; i < gaps.size(); ++i)
      if (gaps[i] == gap) add_needle(i);
    if (gap < sentences) add_sentence(gap);
  }
}

}  // namespace headcount::v0::evaluate
