#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include <headcount/reference/block/weights.hpp>

namespace headcount::v0::reference {

// Parts of stored tensors, for files that keep several maps in one.

/// Rows [begin, begin + count) of weights, where they lie.
[[nodiscard]] inline weights some_rows(weights const& from, std::size_t begin, std::size_t count) {
  auto part = from;
  part.shape.front() = count;
  if (from.data != nullptr) part.data = from.data + begin * from.row_size() * bytes_of(from.type);
  return part;
}

/// One of the tensors that a tensor of one more axis holds: `[part, row, column]` gives `[row, column]`.
[[nodiscard]] inline weights part_of(weights const& from, std::size_t part) {
  auto one = some_rows(from, part, 1);
  one.shape.erase(one.shape.begin());
  return one;
}

/// Copies rows of weights in a new order. O(rows * row size).
[[nodiscard]] inline weights gather_rows(weights const& from, std::span<std::size_t const> rows) {
  auto const row_bytes = from.row_size() * bytes_of(from.type);
  weights gathered{.type = from.type, .shape = from.shape, .gathered = true};
  gathered.shape.front() = rows.size();
  if (from.data == nullptr) return gathered;
  std::shared_ptr<std::byte[]> const copy{new std::byte[rows.size() * row_bytes]};
  for (std::size_t to = 0; to < rows.size(); ++to)
    std::memcpy(copy.get() + to * row_bytes, from.data + rows[to] * row_bytes, row_bytes);
  gathered.data = copy.get();
  gathered.owned = std::shared_ptr<std::byte const>{copy, copy.get()};
  return gathered;
}

}  // namespace headcount::v0::reference
