#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/text/json/fields.hpp>
#include <headcount/text/json/pattern.hpp>

namespace headcount::v0::reference {

/// What becomes of matches when a text is cut at them.
enum class split_behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

[[nodiscard]] inline split_behavior read_behavior(json_fields& from, std::string const& key) {
  constexpr std::array<std::string_view, 5> names{"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext",
                                                  "Contiguous"};
  auto const found = std::ranges::find(names, from.text(key));
  if (found == names.end()) from.fail(key, "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
  return static_cast<split_behavior>(found - names.begin());
}

/// Cuts at matches; empty pieces fall away. Source: tokenizers, `NormalizedString::split`.
[[nodiscard]] inline std::vector<text_span> split_at(std::vector<text_span> const& spans, split_behavior behavior) {
  std::vector<text_span> pieces;
  auto const join = [&](auto const& range, auto const& joins) {
    bool previous = false;
    for (auto const& one : range) {
      if (!pieces.empty() && joins(one.is_match, previous)) {
        pieces.back().begin = (std::min)(pieces.back().begin, one.begin);
        pieces.back().end = (std::max)(pieces.back().end, one.end);
      } else {
        pieces.push_back(one);
      }
      previous = one.is_match;
    }
  };
  auto const match_after_none = [](bool matches, bool previous) { return matches && !previous; };
  auto const equal = [](bool matches, bool previous) { return matches == previous; };
  auto const never = [](bool, bool) { return false; };
  switch (behavior) {
    case split_behavior::removed:
      std::ranges::copy_if(spans, std::back_inserter(pieces), [](auto const& one) { return !one.is_match; });
      break;
    case split_behavior::isolated:
      join(spans, never);
      break;
    case split_behavior::contiguous:
      join(spans, equal);
      break;
    case split_behavior::merged_with_previous:
      join(spans, match_after_none);
      break;
    case split_behavior::merged_with_next:
      join(std::vector<text_span>{spans.rbegin(), spans.rend()}, match_after_none);
      std::ranges::reverse(pieces);
      break;
  }
  std::erase_if(pieces, [](auto const& one) { return one.begin == one.end; });
  return pieces;
}

}  // namespace headcount::v0::reference
