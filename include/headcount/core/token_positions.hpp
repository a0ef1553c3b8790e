#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include <headcount/core/index_range.hpp>
#include <headcount/core/text.hpp>

namespace headcount::inline v0 {

/// A set of token positions in a sequence (0 is the first token, BOS included), kept as sorted ranges that do not
/// touch: what an edit or a task points at, e.g. the needle's tokens.
class token_positions {
 public:
  token_positions() = default;
  token_positions(std::initializer_list<index_range> ranges) {
    for (auto const range : ranges) insert(range);
  }

  /// Adds a range, merging it with those it touches. O(ranges).
  void insert(index_range range) {
    auto const before = [](index_range a, index_range b) { return a.last < b.first && a.last + 1 < b.first; };
    auto const [begin, end] = std::equal_range(ranges_.begin(), ranges_.end(), range, before);
    if (begin != end) {
      range.first = std::min(range.first, begin->first);
      range.last = std::max(range.last, (end - 1)->last);
    }
    ranges_.insert(ranges_.erase(begin, end), range);
  }

  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return ranges_.begin(); }
  [[nodiscard]] auto end() const noexcept { return ranges_.end(); }

  /// Calls `visit(begin, end)` with the half-open index ranges that these positions take in a row of `keys` weights
  /// whose first key stands at position `first`. Positions outside the row (not yet seen, or out of a sliding window)
  /// are passed over.
  template <class Visit>
  void for_each_in_row(std::size_t first, std::size_t keys, Visit&& visit) const {
    for (auto const range : ranges_) {
      auto const begin = std::max(range.first, first);
      auto const end = std::min(range.last, first + keys - 1) + 1;
      if (keys > 0 && begin < end) visit(begin - first, end - first);
    }
  }

  [[nodiscard]] friend bool operator==(token_positions const&, token_positions const&) noexcept = default;

 private:
  std::vector<index_range> ranges_;
};

/// Writes positions as sentences do, e.g. "3-5,9".
[[nodiscard]] inline std::string print(token_positions const& positions) {
  std::string text;
  for (auto const range : positions) add_to_list(text, print(range), ",");
  return text;
}

}  // namespace headcount::inline v0
