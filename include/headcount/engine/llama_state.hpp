#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/scorer_state.hpp>

namespace headcount::v0::evaluate::llama_detail {

/// What a state's cache holds: in the context, or as bytes.
struct cache_slot {
  std::vector<std::uint8_t> bytes{};
};

/// A pass that a state has behind it, for engines that read again.
struct past_pass {
  std::shared_ptr<past_pass const> before;
  std::vector<token> tokens;
  phase when;
  any_policy policy;
  std::size_t sequence_id;
  std::vector<any_edit> edits;
};

/// A copy of a sequence's past. Copies share the cache until one of them goes on.
struct state {
  std::shared_ptr<cache_slot> slot{};
  std::size_t position = 0;
  scorer_state memory{};
  std::shared_ptr<past_pass const> past{};  ///< where states are read again
};

}  // namespace headcount::v0::evaluate::llama_detail
