#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// A token's id in its model's vocabulary, from 0.
using token = std::int32_t;

/// Throws headcount::error when a token is not in a vocabulary of this size; `what` names the tokens in the message.
inline void validate(std::span<token const> tokens, std::size_t vocabulary, std::string const& what) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || static_cast<std::size_t>(tokens[i]) >= vocabulary)
      fail(text_of(what, "[", i, "]"), text_of("token id ", tokens[i], " is not in the vocabulary"),
           text_of("0 to ", vocabulary - 1));
}

}  // namespace headcount::v0
