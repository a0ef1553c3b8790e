#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/core/site.hpp>

namespace headcount::v0::score {

/// No scorer: what stands in a policy whose selector needs no scores (`dense`, `none`). Every head scores 0.
/// Reads nothing; never written in a sentence.
struct unscored {
  static constexpr std::string_view name = "";
  static constexpr bool depends_on_sequence = false;

  [[nodiscard]] constexpr double operator()(site const&, std::size_t) const noexcept { return 0; }
};

}  // namespace headcount::v0::score
