#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
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
  template <class Sees>
  [[nodiscard]] std::vector<std::size_t> visible(std::size_t layer, std::size_t sequence, std::size_t position,
                                                 std::size_t cells, Sees const& sees) {
    auto& known = positions_[{layer, sequence}];
    known.resize((std::max)(known.size(), cells), unknown);
    std::vector<std::size_t> seen;
    std::vector<std::size_t> fresh;
    for (std::size_t cell = 0; cell < cells; ++cell) {
      if (!sees(cell)) continue;
      seen.push_back(cell);
      if (known[cell] == unknown || known[cell] >= position) fresh.push_back(cell);
    }
    if (seen.empty()) return seen;
    if (fresh.empty())  // a cell that was let go holds the newest token
      fresh.push_back(*std::ranges::min_element(seen, {}, [&](std::size_t cell) { return known[cell]; }));
    for (std::size_t i = 0; i < fresh.size(); ++i) known[fresh[i]] = position + 1 + i - fresh.size();
    std::ranges::sort(seen, {}, [&](std::size_t cell) { return known[cell]; });
    return seen;
  }

  /// Forgets everything, when the cache was cleared or filled otherwise.
  void clear() { positions_.clear(); }

 private:
  static constexpr auto unknown = std::numeric_limits<std::size_t>::max();
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> positions_;
};

}  // namespace headcount::v0::ggml
