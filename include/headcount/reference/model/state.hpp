#pragma once

#include <cstddef>
#include <vector>

#include <headcount/policy/scorer_state.hpp>
#include <headcount/reference/block/key_value_cache.hpp>
#include <headcount/reference/block/recurrence.hpp>

namespace headcount::v0::reference {

/// What one layer remembers of one sequence: keys and values where it has attention, a state where it has a recurrence.
struct layer_state {
  key_value_cache keys{};
  recurrence recurrent{};

  [[nodiscard]] std::size_t bytes() const noexcept { return keys.bytes() + recurrent.bytes(); }
};

/// Everything a model remembers of one sequence. A plain value: copy it to continue one prefill in several ways.
struct state {
  std::size_t position = 0;         ///< tokens seen so far
  std::vector<layer_state> layers;  ///< one a layer
  scorer_state memory;              ///< of the policy that last ran, where it remembers

  /// Bytes of keys, values and recurrent states.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (auto const& layer : layers) sum += layer.bytes();
    return sum;
  }
};

}  // namespace headcount::v0::reference
