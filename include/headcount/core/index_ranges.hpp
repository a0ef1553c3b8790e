#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include <headcount/core/index_range.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// A set of indices of any size, kept as sorted ranges that do not touch: tokens, channels.
class index_ranges {
 public:
  index_ranges() = default;
  index_ranges(std::initializer_list<index_range> ranges) {
    for (auto const range : ranges) insert(range);
  }

  /// Adds a range, merging it with those it touches. O(ranges).
  void insert(index_range range) {
    auto const before = [](index_range a, index_range b) { return a.last < b.first && a.last + 1 < b.first; };
    auto begin = ranges_.begin();
    while (begin != ranges_.end() && before(*begin, range)) ++begin;
    auto end = begin;
    for (; end != ranges_.end() && !before(range, *end); ++end) {
      range.first = (std::min)(range.first, end->first);
      range.last = (std::max)(range.last, end->last);
    }
    ranges_.insert(ranges_.erase(begin, end), range);
  }

  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return ranges_.begin(); }
  [[nodiscard]] auto end() const noexcept { return ranges_.end(); }

  /// Calls `visit(begin, end)` with the half-open ranges that these indices take in a row of `count` things whose first
  /// has index `first`: the keys of an attention row. Indices outside the row (not yet seen, or out of a sliding
  /// window) are passed over.
  template <class Visit>
  void for_each_in_row(std::size_t first, std::size_t count, Visit&& visit) const {
    for (auto const range : ranges_) {
      auto const begin = (std::max)(range.first, first);
      auto const end = (std::min)(range.last, first + count - 1) + 1;
      if (count > 0 && begin < end) visit(begin - first, end - first);
    }
  }

  [[nodiscard]] friend bool operator==(index_ranges const&, index_ranges const&) noexcept = default;

 private:
  std::vector<index_range> ranges_;
};

/// Writes indices as sentences do, e.g. "3-5,9".
[[nodiscard]] inline std::string print(index_ranges const& indices) {
  std::string text;
  for (auto const range : indices) add_to_list(text, print(range), ",");
  return text;
}

}  // namespace headcount::v0
