#pragma once

#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <headcount/reference/block/matrix.hpp>

namespace headcount::v0::reference {

/// Where one sequence's new tokens stand among the packed tokens of a pass: rows [begin, begin + count) of a matrix.
/// The first of them is token `position` of its sequence.
struct segment {
  std::size_t begin = 0;
  std::size_t count = 0;
  std::size_t position = 0;
};

/// Which of a segment's tokens a layer's output is wanted for. The last layer of a pass that asks for the next token
/// only needs each sequence's last; the tokens before still leave their keys or their share of the recurrent state.
enum class wanted : unsigned char { all_tokens, last_token };

/// The rows of packed tokens, `[token, feature]`, that are wanted, in order.
[[nodiscard]] inline matrix wanted_rows(matrix const& x, std::span<segment const> segments, wanted which) {
  if (which == wanted::all_tokens) return x;
  matrix last(index(segments.size()), x.cols());
  for (std::size_t i = 0; i < segments.size(); ++i)
    last.row(index(i)) = x.row(index(segments[i].begin + segments[i].count - 1));
  return last;
}

}  // namespace headcount::v0::reference
