#pragma once

#include <cstddef>
#include <cstdint>

#include <headcount/core/site.hpp>

namespace headcount::v0 {

/// One round of SplitMix64's finaliser: spreads every input bit over all output bits.
/// Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"; constants of Stafford's
/// variant 13.
[[nodiscard]] constexpr std::uint64_t mix_bits(std::uint64_t bits) noexcept {
  bits += 0x9e3779b97f4a7c15u;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
  return bits ^ (bits >> 31);
}

/// A number in [0, 1) that depends on nothing but its arguments, on every platform alike: no generator, no order of
/// calls. The phase is left out, so a pass over several tokens draws what one token at a time would.
[[nodiscard]] constexpr double uniform_number(std::uint64_t seed, site const& where, std::size_t head) noexcept {
  auto bits = mix_bits(seed);
  for (std::uint64_t const part : {where.layer, where.sequence_id, where.position, head}) bits = mix_bits(bits ^ part);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace headcount::v0
