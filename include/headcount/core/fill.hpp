#pragma once

namespace headcount::v0 {

/// Makes every element of a range `value`: std::ranges::fill without its concepts, which cost more than the loop.
template <class Range, class Value>
constexpr void fill(Range&& range, Value value) noexcept {
  for (auto& element : range) element = value;
}

}  // namespace headcount::v0
