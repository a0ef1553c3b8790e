#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// Metrics that are better when lower; every other is better when higher.
inline constexpr std::array<std::string_view, 7> metrics_of_loss{
    "bits_per_byte", "byte_perplexity", "kl", "loss", "perplexity", "rank", "word_perplexity"};

/// Whether a metric is a loss, by its name; one that is not known is better when higher.
[[nodiscard]] constexpr bool is_better_when_lower(std::string_view metric) noexcept {
  return std::ranges::find(metrics_of_loss, metric) != metrics_of_loss.end();
}

}  // namespace headcount::v0::evaluate
