#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0::ggml {

/// Which position every cell of a key-value cache holds, learned from the masks: cells are no positions where several
/// sequences share a cache or a window has let cells go. Kept as long as the cache is.
class cell_positions {
 public:
  /// The cells that a query sees, oldest position first. `sees(cell)` is what its mask says. Cells met first lie in the
  /// order of their positions; a query's own position is in the newest of them, or in the cell that left the window.
  /// The cells stay where they are until the next call. O(cells log cells).
  template <class Sees>
  [[nodiscard]] std::span<std::size_t const> visible(std::size_t layer, std::size_t sequence, std::size_t position,
                                                     std::size_t cells, Sees const& sees) {
    auto& known = positions_[{layer, sequence}];
    known.resize((std::max)(known.size(), cells), unknown);
    seen_.clear();
    fresh_.clear();
    for (std::size_t cell = 0; cell < cells; ++cell) {
      if (!sees(cell)) continue;
      seen_.push_back(cell);
      if (known[cell] == unknown || known[cell] >= position) fresh_.push_back(cell);
    }
    if (seen_.empty()) return seen_;
    if (fresh_.empty())  // a cell that was let go holds the newest token
      fresh_.push_back(*std::ranges::min_element(seen_, {}, [&](std::size_t cell) { return known[cell]; }));
    for (std::size_t i = 0; i < fresh_.size(); ++i) known[fresh_[i]] = position + 1 + i - fresh_.size();
    std::ranges::sort(seen_, {}, [&](std::size_t cell) { return known[cell]; });
    return seen_;
  }

  /// Forgets everything, when the cache was cleared or filled otherwise.
  void clear() { positions_.clear(); }

 private:
  static constexpr auto unknown = std::numeric_limits<std::size_t>::max();
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> positions_;
  std::vector<std::size_t> seen_;
  std::vector<std::size_t> fresh_;
};

}  // namespace headcount::v0::ggml
