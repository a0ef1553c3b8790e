#pragma once

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <headcount/version.hpp>

namespace headcount::v0::reference {

/// Floats that begin where Eigen's vectors of numbers may: it computes what lies before such a place in another way,
/// so elsewhere the last digits of a result would depend on where memory happened to be free.
using aligned_floats = std::vector<float, Eigen::aligned_allocator<float>>;

/// The state of one sequence in one recurrent layer. A plain value: a copy is a fork.
struct recurrence {
  aligned_floats past_inputs{};  ///< [width - 1, channel], what the convolution still sees
  aligned_floats hidden{};       ///< RG-LRU [channel], Mamba [state, channel], or as the block says

  [[nodiscard]] std::size_t bytes() const noexcept { return (past_inputs.size() + hidden.size()) * sizeof(float); }
};

}  // namespace headcount::v0::reference
