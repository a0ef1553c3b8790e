#pragma once

// What the demo asks of a model: tasks, and the policies that each is asked under.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/task.hpp>

#include "measure.hpp"

namespace tool {

/// A cell of the table for each policy: what some of a question's prompts come to.
struct demo_cell {
  std::string task{};
  std::string setting{};
  std::vector<std::string> metrics{};
};

/// Prompts that share what they read, asked under the same policies. Prompt i belongs to cell i % cells.
struct demo_question {
  headcount::evaluate::task asking{};
  std::vector<demo_cell> cells{};
  std::vector<std::string> policies{};
};

/// All of them; the first is needles that fit the window. `file` is the language's.
std::vector<demo_question> make_questions(measurement const& of, headcount::evaluate::small_language const& language,
                                          std::filesystem::path const& file, demo_plan const& plan);

/// The first of the needles that fit the window.
headcount::evaluate::needle_prompt first_needle(headcount::evaluate::small_language const& language,
                                                demo_plan const& plan);

/// "entropy | top_k(3) @ generation".
std::string choosing(std::string const& scorer, std::size_t k, char const* where = "");
inline constexpr char const* in_generation = " @ generation";

}  // namespace tool
