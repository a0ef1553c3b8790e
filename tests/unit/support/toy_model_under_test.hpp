#pragma once

#include <cstddef>
#include <filesystem>

#include <headcount/task/task.hpp>

#include "toy.hpp"

namespace test {

/// The toy model with its tokenizer, to be asked tasks.
inline headcount::evaluate::model_under_test toy_model_under_test(std::size_t longest = 2048) {
  return {.name = "toy",
          .identity = "0f",
          .model = toy_model{},
          .tokenizer = toy_tokenizer{},
          .language = std::filesystem::path{HEADCOUNT_MODELS} / "language.json",
          .longest = longest};
}

}  // namespace test
