#pragma once

#include <cstddef>
#include <span>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/any_edit.hpp>

namespace headcount::v0::evaluate {

/// New tokens of one sequence, the state that they continue, and what is done to the sequence meanwhile.
template <class State>
struct step {
  std::span<token const> tokens{};
  State* state = nullptr;
  std::size_t sequence_id = 0;        ///< site::sequence_id: names the sequence, whatever runs beside it
  std::span<any_edit const> edits{};  ///< of its attention weights and of the model's blocks
};

/// What a pass is for, and which tokens' logits somebody wants.
struct pass {
  headcount::phase phase = headcount::phase::prefill;
  bool every_token = false;  ///< logits after every token, or after the last one of each sequence alone
};

}  // namespace headcount::v0::evaluate
