#pragma once

#include <cstddef>

#include <headcount/core/index_ranges.hpp>
#include <headcount/reference/block/matrix.hpp>

namespace headcount::v0::reference {

/// The channels of a recurrent block that an ablation takes away in one pass; see edit::ablate.
struct ablated_channels {
  index_ranges outputs{};    ///< 0 before the output projection
  index_ranges past_taps{};  ///< convolved with their own token alone

  [[nodiscard]] friend bool operator==(ablated_channels const&, ablated_channels const&) = default;
};

/// Makes channels of x `[token, channel]` 0.
inline void clear_channels(index_ranges const& channels, matrix& x) {
  channels.for_each_in_row(0, size(x.cols()), [&](std::size_t begin, std::size_t end) {
    x.middleCols(index(begin), index(end - begin)).setZero();
  });
}

}  // namespace headcount::v0::reference
