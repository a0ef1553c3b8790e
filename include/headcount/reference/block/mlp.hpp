#pragma once

#include <headcount/reference/block/activation.hpp>
#include <headcount/reference/block/linear.hpp>
#include <headcount/reference/block/matrix.hpp>

namespace headcount::v0::reference {

/// Gated feed-forward block: down(gate_function(gate x) * (up x)).
/// Source: Shazeer 2020, arXiv 2002.05202.
struct gated_mlp {
  linear gate{};  ///< [hidden, width]
  linear up{};    ///< [hidden, width]
  linear down{};  ///< [width, hidden]
  activation function = activation::silu;
};

/// x `[token, width]` gives the same shape.
[[nodiscard]] inline matrix apply(gated_mlp const& block, matrix const& x) {
  matrix hidden = apply(block.gate, x);
  apply(block.function, hidden);
  hidden.array() *= apply(block.up, x).array();
  return apply(block.down, hidden);
}

}  // namespace headcount::v0::reference
