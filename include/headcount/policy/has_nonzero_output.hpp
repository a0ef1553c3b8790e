#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <headcount/core/site.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/policy/any_policy.hpp>

namespace headcount::v0 {

/// Whether a dropped head puts out anything but zeros under a mask, so that it must be projected. Learnt by trying the
/// mask on ones; a mask that lets heads attend, or that is told the site, is taken to.
[[nodiscard]] inline bool has_nonzero_output(any_mask const& mask, site const& where) {
  if (mask.attention(1) || mask.site_matters()) return true;
  std::vector<float> output(std::max<std::size_t>(where.head_dim, 1), 1.0f);
  mask(where, 0, output_view{output.data(), {output.size()}});
  return std::ranges::any_of(output, [](float value) { return value != 0; });
}

}  // namespace headcount::v0
