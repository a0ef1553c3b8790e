#pragma once

#include <headcount/reference/block/activation.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>

namespace headcount::v0::reference {

/// Feed-forward block, gated or plain:
///
///     down(function(gate x) * (up x))      (Shazeer 2020, arXiv 2002.05202)
///     down(function(up x))                 without a gate
struct mlp {
  linear gate{};  ///< [hidden, width], or none
  linear up{};    ///< [hidden, width]
  linear down{};  ///< [width, hidden]
  activation function = activation::silu;
};

/// x `[token, width]` gives the same shape.
[[nodiscard]] inline matrix apply(mlp const& block, matrix const& x) {
  matrix hidden = apply(block.gate ? block.gate : block.up, x);
  apply(block.function, hidden);
  if (block.gate) hidden.array() *= apply(block.up, x).array();
  return apply(block.down, hidden);
}

}  // namespace headcount::v0::reference
