#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include <headcount/reference/block/key_value_cache.hpp>
#include <headcount/reference/block/recurrence.hpp>
#include <headcount/score/scorer_state.hpp>

namespace headcount::v0::reference {

/// Everything a model remembers of one sequence. A plain value: copy it to continue one prefill in several ways.
struct state {
  std::size_t position = 0;                                       ///< tokens seen so far
  std::vector<std::variant<key_value_cache, recurrence>> layers;  ///< one a layer
  scorer_state memory;                                            ///< of the policy that last ran, where it remembers

  /// Bytes of keys, values and recurrent states.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (auto const& layer : layers) sum += std::visit([](auto const& one) { return one.bytes(); }, layer);
    return sum;
  }
};

}  // namespace headcount::v0::reference
