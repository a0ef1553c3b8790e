#pragma once

#include <cstddef>
#include <vector>

namespace headcount::inline v0::reference {

/// The state of one sequence in one recurrent layer. A plain value: a copy is a fork.
struct recurrence {
  std::vector<float> past_inputs{};  ///< [width - 1, channel], what the convolution still sees
  std::vector<float> hidden{};       ///< RG-LRU: [channel]; Mamba: [state, channel]

  [[nodiscard]] std::size_t bytes() const noexcept { return (past_inputs.size() + hidden.size()) * sizeof(float); }
};

}  // namespace headcount::inline v0::reference
