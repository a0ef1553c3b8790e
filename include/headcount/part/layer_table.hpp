#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <headcount/core/index_range.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// A whole number for each of some layers, e.g. a budget of heads: sorted ranges of layers that share one.
class layer_table {
 public:
  /// Layers and what all of them have.
  struct entry {
    index_range layers;
    std::size_t number = 0;

    [[nodiscard]] friend constexpr bool operator==(entry const&, entry const&) noexcept = default;
  };

  layer_table() = default;
  /// Later entries for a layer that has a number already change nothing.
  layer_table(std::initializer_list<entry> entries) {
    for (auto const& next : entries) (void)insert(next);
  }

  /// Adds layers; false, and nothing is added, when one of them has a number already. O(entries).
  [[nodiscard]] bool insert(entry next) {
    auto at = entries_.begin();
    while (at != entries_.end() && at->layers.last < next.layers.first) ++at;
    if (at != entries_.end() && at->layers.first <= next.layers.last) return false;
    at = entries_.insert(at, next);
    join_with_next(at);
    if (at != entries_.begin()) join_with_next(at - 1);
    return true;
  }

  /// The number of a layer; nothing when the table does not say. O(entries).
  [[nodiscard]] std::optional<std::size_t> at(std::size_t layer) const noexcept {
    for (auto const& [layers, number] : entries_)
      if (layers.first <= layer && layer <= layers.last) return number;
    return std::nullopt;
  }

  [[nodiscard]] auto begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] auto end() const noexcept { return entries_.end(); }

  [[nodiscard]] friend bool operator==(layer_table const&, layer_table const&) noexcept = default;

 private:
  void join_with_next(std::vector<entry>::iterator at) {
    auto const next = at + 1;
    if (next == entries_.end() || at->number != next->number || at->layers.last + 1 != next->layers.first) return;
    at->layers.last = next->layers.last;
    entries_.erase(next);
  }

  std::vector<entry> entries_;
};

/// Writes a table as sentences do, e.g. "2:5,4-8:0".
[[nodiscard]] inline std::string print(layer_table const& table) {
  std::string text;
  for (auto const& [layers, number] : table) add_to_list(text, text_of(print(layers), ":", number), ",");
  return text;
}

}  // namespace headcount::v0
