#pragma once

#include <span>
#include <string_view>

#include <headcount/core/head_set.hpp>

namespace headcount::v0::select {

/// Keeps every head, whatever its score: the policy `dense`. O(heads), no allocation.
struct every_head {
  static constexpr std::string_view name = "dense";

  [[nodiscard]] constexpr head_set operator()(std::span<double const> scores) const noexcept {
    return head_set::first(scores.size());
  }
};

/// Keeps no head: the policy `none`, the published k = 0. O(1), no allocation.
struct no_head {
  static constexpr std::string_view name = "none";

  [[nodiscard]] constexpr head_set operator()(std::span<double const>) const noexcept { return {}; }
};

}  // namespace headcount::v0::select
