#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0::reference {

/// Rotary position embedding of the first `2 * frequencies.size()` features of a head; the rest stay as they are.
/// Features i and i + n (n = frequencies) are one pair, rotated by position * frequency_i (the "rotate half" order).
/// Source: Su et al. 2021, arXiv 2104.09864; partial rotation as in RecurrentGemma.
struct rotary_embedding {
  std::vector<float> frequencies{};  ///< radians a position
};

/// frequency_i = base^(-2i / rotated), for the `rotated` first features of a head (an even number).
[[nodiscard]] inline rotary_embedding make_rotary_embedding(std::size_t rotated, double base) {
  rotary_embedding rope;
  for (std::size_t i = 0; i < rotated; i += 2)
    rope.frequencies.push_back(
        static_cast<float>(std::pow(base, -static_cast<double>(i) / static_cast<double>(rotated))));
  return rope;
}

/// Rotates one head's query or key, `[dim]`, in place.
inline void apply(rotary_embedding const& rope, std::size_t position, std::span<float> head) noexcept {
  auto const half = rope.frequencies.size();
  for (std::size_t i = 0; i < half; ++i) {
    float const angle = static_cast<float>(position) * rope.frequencies[i];
    float const cosine = std::cos(angle);
    float const sine = std::sin(angle);
    float const a = head[i];
    float const b = head[i + half];
    head[i] = a * cosine - b * sine;
    head[i + half] = b * cosine + a * sine;
  }
}

}  // namespace headcount::v0::reference
