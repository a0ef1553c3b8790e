#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/sentence/parse.hpp>

#include "batch.hpp"
#include "numbers.hpp"

// Texts of the small models, and what sentences put them under.

namespace test {

constexpr double rounding = 5e-5;  // of float32 through four layers, logits of a few units
constexpr std::size_t all = 1000;  // more tokens than any text has

inline std::vector<headcount::token> text_of_length(std::size_t tokens, unsigned seed = 7) {
  return numbers{seed}.text(tokens, 37);
}

inline control under(std::string const& policy, std::string const& edits = {}) {
  return {.policy = headcount::parse_policy(policy),
          .edits = edits.empty() ? std::vector<headcount::any_edit>{} : headcount::parse_edits(edits)};
}

}  // namespace test
