#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/strided_view.hpp>

namespace headcount::v0::reference {

/// The keys and values of one sequence in one attention layer, in position order. A plain value: a copy is a fork.
/// Keys are held feature by feature, so that a query meets consecutive keys side by side; values key by key.
class key_value_cache {
 public:
  key_value_cache() = default;
  key_value_cache(std::size_t key_value_heads, std::size_t head_dim) : heads_{key_value_heads}, dim_{head_dim} {}

  /// Position of the oldest key held.
  [[nodiscard]] std::size_t first() const noexcept { return first_; }
  /// Number of keys held.
  [[nodiscard]] std::size_t size() const noexcept { return values_.size() / features(); }
  /// Bytes held.
  [[nodiscard]] std::size_t bytes() const noexcept { return (keys_.size() + values_.size()) * sizeof(float); }

  /// Makes room for so many tokens more, so that appending them moves nothing.
  void make_room(std::size_t tokens) {
    if (size() + tokens > capacity_) reserve(size() + tokens);
  }

  /// Adds one token's key and value, `[kv_head, dim]` each. Amortised O(kv_heads dim).
  void append(std::span<float const> key, std::span<float const> value) {
    auto const at = size();
    if (at == capacity_) reserve(std::max<std::size_t>(at + at / 4, 16));
    for (std::size_t feature = 0; feature < features(); ++feature) keys_[feature * capacity_ + at] = key[feature];
    values_.insert(values_.end(), value.begin(), value.end());
  }

  /// Forgets all but the last `window` keys once twice as many have gathered, so that the cost a token stays constant.
  void trim(std::size_t window) {
    if (size() < 2 * window) return;
    auto const dropped = size() - window;
    for (std::size_t feature = 0; feature < features(); ++feature) {
      auto const row = keys_.begin() + static_cast<std::ptrdiff_t>(feature * capacity_);
      std::copy_n(row + static_cast<std::ptrdiff_t>(dropped), window, row);
    }
    values_.erase(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(dropped * features()));
    first_ += dropped;
  }

  /// Keys of positions [begin, begin + count), `[key, kv_head, dim]`, consecutive keys side by side; they must be held.
  [[nodiscard]] strided_view<float const, 3> keys(std::size_t begin, std::size_t count) const noexcept {
    auto const stride = static_cast<std::ptrdiff_t>(capacity_);
    return {keys_.data() + (begin - first_),
            {count, heads_, dim_},
            {1, stride * static_cast<std::ptrdiff_t>(dim_), stride}};
  }
  /// Values of the same positions, `[key, kv_head, dim]`, features side by side.
  [[nodiscard]] strided_view<float const, 3> values(std::size_t begin, std::size_t count) const noexcept {
    return {values_.data() + (begin - first_) * features(), {count, heads_, dim_}};
  }

 private:
  [[nodiscard]] std::size_t features() const noexcept { return heads_ * dim_; }

  void reserve(std::size_t capacity) {
    std::vector<float> wider(features() * capacity);
    for (std::size_t feature = 0; feature < features(); ++feature)
      std::copy_n(keys_.begin() + static_cast<std::ptrdiff_t>(feature * capacity_), size(),
                  wider.begin() + static_cast<std::ptrdiff_t>(feature * capacity));
    keys_ = std::move(wider);
    values_.reserve(features() * capacity);
    capacity_ = capacity;
  }

  std::size_t heads_ = 1;
  std::size_t dim_ = 1;
  std::size_t first_ = 0;
  std::size_t capacity_ = 0;
  std::vector<float> keys_;    // [kv_head, dim, capacity]
  std::vector<float> values_;  // [key, kv_head, dim]
};

}  // namespace headcount::v0::reference
