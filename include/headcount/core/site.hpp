#pragma once

#include <cstddef>

#include <headcount/core/phase.hpp>

namespace headcount::v0 {

/// Where one decision is taken: one query position of one sequence in one attention layer.
struct site {
  std::size_t layer = 0;  ///< index among all layers of the model, recurrent ones counted
  headcount::phase phase = headcount::phase::generation;  ///< said by the caller, see `phase`
  std::size_t sequence_id = 0;  ///< which sequence: the batch row, or a stable id of the caller's
  std::size_t position = 0;     ///< of the query's token in its sequence, from 0
  std::size_t heads = 0;        ///< query heads of the layer, at most head_set::capacity()
  std::size_t group = 1;        ///< query heads that share one key/value head (GQA); 1 is MHA
  std::size_t width = 0;        ///< features of the block's input; 0 where nobody says
  std::size_t head_dim = 0;     ///< features of a head's output; 0 where nobody says
};

}  // namespace headcount::v0
