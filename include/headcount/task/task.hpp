#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/text/any_tokenizer.hpp>
#include <headcount/text/chat_turns.hpp>

namespace headcount::v0::evaluate {

// How a task is added (facts_task.hpp is a small example):
//  1. Write a function `std::vector<task> make_NAME(model_under_test const&, std::string_view name, task_options&)` in
//  a header
//     of this folder. It takes its options by `options.take("key", otherwise)`, draws or reads its prompts, and fills
//     in `task`. For what `ask` does, judge_likelihoods (judge.hpp) and judge_completions are there; both read under
//     many policies what follow.hpp, complete.hpp and likelihood.hpp let them share.
//  2. Add one line to task_kinds in registry.hpp. A name that ends in "/" stands for a family, as "ruler/NAME" is.
// Command line, sweeps and reports find the task by its name; they need no change.

/// What a policy made of one prompt, in one metric.
struct answer {
  std::size_t policy = 0;  ///< index of the policy
  std::size_t prompt = 0;  ///< index of the prompt in the task
  std::string metric{};
  double value = 0;
  nlohmann::ordered_json more = nlohmann::ordered_json::object();  ///< what the row says beside
};

using answer_user = std::function<void(answer&&)>;

/// Prompts with a way to ask them.
struct task {
  std::string name{};             ///< as rows say it: "facts", "glue/cola"
  std::string setting{};          ///< task_options::setting
  std::string identity{};         ///< a digest of its options and of the data that it reads
  std::uint64_t seed = 0;         ///< that prompts were drawn with; 0 when nothing is drawn
  std::vector<metric> metrics{};  ///< each prompt gets an answer in each of them
  std::vector<std::string>
      prompts{};                      ///< their names, all different; a prompt keeps its name whatever others there are
  std::size_t duplicates = 0;         ///< prompts left out because they were there already
  std::vector<std::size_t> tokens{};  ///< about how many tokens each prompt has a model read, for estimates

  /// Asks some of the prompts, given as increasing indices, under policies. Answers come from one thread at a time, in
  /// any order. Prompts that are asked together share what they can, so a caller hands over as many as it can afford to
  /// ask again; answers do not depend on which are asked together, but for rounding.
  std::function<void(any_model const&, std::span<std::size_t const> which, std::span<any_policy const>, work&,
                     answer_user const&)>
      ask{};
};

}  // namespace headcount::v0::evaluate
