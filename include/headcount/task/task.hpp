#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/request.hpp>

namespace headcount::v0::evaluate {

// How a task is added (language/facts_task.hpp is a small example):
//  1. Write a function `std::vector<task> make_NAME(model_under_test const&, std::string_view name, task_options&)` in
//  a
//     folder under this one. It takes its options by `options.take("key", otherwise)`, draws or reads its prompts, and
//     fills in `task`: what each prompt requests, what it shares with others, and what an answer is worth.
//  2. Add one line to task_kinds in registry/task_kinds.hpp. A name that ends in "/" stands for a family, as
//     "ruler/NAME" is.
// measure/ask.hpp asks it; command line, sweeps and reports find it by its name. They need no change.

/// Something that a prompt shares with other prompts, so that their answers depend on each other: {"needle", its
/// sentence}, {"subject", "anatomy"}. Equal names and values are the same thing.
struct factor {
  std::string name{};
  std::string value{};

  [[nodiscard]] friend bool operator==(factor const&, factor const&) = default;
};

/// One prompt of a task.
struct task_prompt {
  std::string name{};  ///< no other prompt of the task has it; it stays with the prompt whatever others there are
  task_request request{};
  std::vector<factor> factors{};
  std::size_t tokens = 0;  ///< about how many it has a model read, for estimates
};

/// What an answer is worth in one metric.
struct judgement {
  std::string metric{};
  double value = 0;
  nlohmann::ordered_json more = nlohmann::ordered_json::object();  ///< what the row says beside
};

/// Prompts and what counts as right: data, which asks nobody.
struct task {
  std::string name{};      ///< as rows say it: "facts", "glue/cola"
  std::string setting{};   ///< task_options::setting
  std::string identity{};  ///< a digest of the options and the data that it was made of
  std::uint64_t seed = 0;  ///< that prompts were drawn with; 0 when nothing is drawn
  std::vector<metric> metrics{};
  std::vector<task_prompt> prompts{};
  std::size_t duplicates = 0;  ///< prompts left out because they were there already

  /// What an answer to prompt i is worth: a judgement for each metric that has rows of its own.
  std::function<std::vector<judgement>(std::size_t i, answer const&)> judge{};
};

/// Numbers the sequences of a task's prompts by their places, not by their names: what random choices depend on.
inline void number_sequences(task& of) {
  for (std::size_t i = 0; i < of.prompts.size(); ++i) {
    auto& asked = of.prompts[i].request;
    if (auto* generation = std::get_if<generation_request>(&asked)) generation->prompt.sequence_id = i;
    if (auto* comparison = std::get_if<comparison_request>(&asked)) comparison->text.prompt.sequence_id = i;
    if (auto* texts = std::get_if<std::vector<loglikelihood_request>>(&asked))
      for (auto& one : *texts) one.prompt.sequence_id = i;
  }
}

/// The names of a task's prompts.
[[nodiscard]] inline std::vector<std::string> names_of(task const& of) {
  std::vector<std::string> names;
  for (auto const& one : of.prompts) names.push_back(one.name);
  return names;
}

}  // namespace headcount::v0::evaluate
