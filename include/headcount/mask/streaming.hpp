#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/mask/attention_pattern.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::mask {

/// A dropped head attends to the oldest and the newest visible keys alone, so that its keys and values take constant
/// memory:
///
///     output = softmax over the first `sink` and the last `recent` visible keys of their logits, times their values
///
/// The query's own key is the newest. Under a sliding window the oldest visible key is not the sequence's first. A row
/// of no more than sink + recent keys stays as it is. Needs the head's query and those keys; O((sink + recent) * dim).
/// Source: Xiao et al. 2024, "DuoAttention", arXiv 2410.10819: 64 and 256 when deployed.
struct streaming {
  static constexpr std::string_view name = "streaming";
  static constexpr part_about about{"attention over the oldest and the newest visible keys alone",
                                    "sum of softmax(s)_j v_j, the first sink and the last recent keys",
                                    "Xiao et al. 2024, DuoAttention, arXiv 2410.10819"};

  std::size_t sink = 64;     ///< oldest visible keys it sees
  std::size_t recent = 256;  ///< newest visible keys it sees, 1 or more

  static constexpr auto fields =
      field_list{optional_leading_field("sink", &streaming::sink, "oldest visible keys a dropped head sees"),
                 optional_leading_field("recent", &streaming::recent, "newest visible keys it sees", {1})};

  [[nodiscard]] constexpr mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  [[nodiscard]] constexpr attention_pattern attention(std::size_t) const noexcept {
    return {.oldest = sink, .newest = recent};
  }
};

}  // namespace headcount::v0::mask
