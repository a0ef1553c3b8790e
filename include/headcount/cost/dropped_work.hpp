#pragma once

#include <cstddef>
#include <optional>

#include <headcount/mask/attention_pattern.hpp>

namespace headcount::v0::kernel {

/// What a dropped head still has to do for one token under its mask; numbers add up over tokens.
struct dropped_work {
  std::size_t weighed = 0;  ///< keys whose logits it needs, and so its query
  std::size_t summed = 0;   ///< values that it adds up
  std::size_t stored = 0;   ///< positions whose keys, if weighed, and values must stay for later tokens
  bool shared = false;      ///< heads of one key/value head add up the same, once
};

/// What attending otherwise takes, when `keys` are seen. `slides` says whether a key leaves the window for each that
/// comes.
///
/// The even mean of all visible values is a running sum of each key/value head's, in which a head's query and keys play
/// no part: a value comes, and one leaves the window if it slides. Any other attention takes the keys it names.
[[nodiscard]] constexpr dropped_work work_of(std::optional<attention_pattern> const& otherwise, std::size_t keys,
                                             bool slides) noexcept {
  if (!otherwise) return {};
  auto const named = otherwise->size(keys);
  if (!otherwise->even) return {.weighed = named, .summed = named, .stored = named};
  if (named < keys) return {.summed = named, .stored = named, .shared = true};
  return {.summed = slides ? std::size_t{2} : std::size_t{1}, .stored = slides ? keys : 1, .shared = true};
}

}  // namespace headcount::v0::kernel
