#pragma once

#include <cstddef>
#include <string_view>

#include <headcount/mask/attention_pattern.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>

namespace headcount::v0::mask {

/// A dropped head attends to every visible key alike: its choice goes, what it reads on average stays.
///
///     output = sum_j v_j / n        over the n visible keys
///
/// Needs the values of all visible keys, neither the head's query nor its row. O(keys * dim).
/// Source: Wu et al. 2024, "Retrieval Head Mechanistically Explains Long-Context Factuality", arXiv 2404.15574: its
/// code masks a head by logits of 0.
struct uniform {
  static constexpr std::string_view name = "uniform";
  static constexpr part_about about{"attention without its choice: the mean of all visible values", "sum of v_j / n",
                                    "Wu et al. 2024, arXiv 2404.15574, as its code masks"};

  [[nodiscard]] constexpr mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  [[nodiscard]] constexpr attention_pattern attention(std::size_t keys) const noexcept {
    return {.oldest = keys, .even = true};
  }
};

}  // namespace headcount::v0::mask
