#pragma once

#include <algorithm>
#include <cstddef>

#include <headcount/select/top_groups.hpp>
#include <headcount/select/top_k.hpp>

namespace headcount::v0::cuda {

/// The ways to attend when heads are chosen by their rows.
enum class way : int {
  automatic,  ///< by the model of cost below
  dense,      ///< keys and values of every group in one pass; scores decide what is zeroed
  two_pass    ///< keys of every group and their weights stored; then values of the groups that hold a kept head
};

/// How many groups a selector keeps a head in, if scores know nothing of groups; all where that cannot be told before.
template <class Select>
[[nodiscard]] double expected_groups(Select const&, int kv_heads, int) {
  return kv_heads;
}
/// k heads drawn without putting back: groups * (1 - share of draws that miss a group).
[[nodiscard]] inline double expected_groups(select::top_k const& how, int kv_heads, int group) {
  double missed = 1;
  int const heads = kv_heads * group;
  for (int i = 0; i < std::min(static_cast<int>(how.k), heads); ++i)
    missed *= std::max(0.0, static_cast<double>(heads - group - i) / (heads - i));
  return kv_heads * (1 - missed);
}
[[nodiscard]] inline double expected_groups(select::top_groups const& how, int kv_heads, int) {
  return std::min(static_cast<double>(how.g), static_cast<double>(kv_heads));
}

/// The quicker way, by a model of time fitted to measurements (docs/gpu.md): reading at the memory's rate, what a pass
/// costs beside, and the storing of weights. Two passes must promise 3% less time, as they read more where more groups
/// are kept than expected.
/// `units`, groups of all rows; `bytes` of their visible keys and values; `share` of groups kept.
[[nodiscard]] inline way quicker_way(int units, double bytes, double share, double bytes_per_second) {
  double const rate = 0.94 * bytes_per_second, half = bytes / 2;
  double const dense = 9e-6 + bytes / rate;
  double const two_pass =
      12e-6 + 0.01e-6 * units + half * (half > 200e6 ? 1.1 : 1.05) / rate + share * half / (0.9 * rate);
  return two_pass < 0.97 * dense ? way::two_pass : way::dense;
}

}  // namespace headcount::v0::cuda
