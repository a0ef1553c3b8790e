#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <headcount/file/json_file.hpp>
#include <headcount/file/json_number.hpp>
#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// What one model did with one prompt under one policy: a line of a result file. Model, policy and task each have a
/// label, for people, and an identity, a digest of what they are: equal identities are equal things, whatever their
/// files and folders are called.
struct row {
  std::string model{};            ///< the model folder's name
  std::string model_identity{};   ///< of weights, configuration, tokenizer and generation settings
  std::string policy{};           ///< its sentence, as `print` writes it
  std::string policy_identity{};  ///< of the sentence and of what the files are that it names
  std::string task{};             ///< e.g. "needle", "glue/cola"
  std::string setting{};          ///< the task's options that are not at their defaults, e.g. "shots=5"; often empty
  std::string task_identity{};    ///< of its options and data
  std::string metric{};           ///< what `value` is, e.g. "exact_match", "acc"
  std::string prompt{};           ///< a name that stays with the prompt, whatever is run beside it, e.g. "anatomy/7"
  std::map<std::string, std::string> factors{};  ///< what it shares with other prompts: {"needle": "...", ...}
  std::uint64_t seed = 0;                        ///< that prompts were drawn with
  double value = 0;
  std::string version = headcount::version;
  nlohmann::ordered_json more = nlohmann::ordered_json::object();  ///< what the task adds: length, depth, loglik, ...
};

/// A row as JSON, its own keys first. Numbers that are not finite are texts, see json_number.
[[nodiscard]] inline nlohmann::ordered_json to_json(row const& one) {
  nlohmann::ordered_json json{{"model", one.model},
                              {"model_identity", one.model_identity},
                              {"policy", one.policy},
                              {"policy_identity", one.policy_identity},
                              {"task", one.task},
                              {"setting", one.setting},
                              {"task_identity", one.task_identity},
                              {"metric", one.metric},
                              {"prompt", one.prompt},
                              {"factors", one.factors},
                              {"seed", one.seed},
                              {"value", one.value},
                              {"version", one.version}};
  for (auto const& [key, value] : one.more.items()) json[key] = value;
  spell_numbers(json);
  return json;
}

/// A row as a line, without its end. Bytes that are not UTF-8, as generated text may have, are replaced.
[[nodiscard]] inline std::string print(row const& one) { return reference::json_text(to_json(one)); }

/// What makes two rows answers to the same question: what was asked of whom, by identity and not by label, but neither
/// the answer nor what the task adds to it.
[[nodiscard]] inline std::string key_of(row const& one) {
  return reference::json_text(nlohmann::json{one.model_identity, one.policy_identity, one.task_identity, one.task,
                                             one.metric, one.prompt, one.seed, one.version});
}

}  // namespace headcount::v0::evaluate
