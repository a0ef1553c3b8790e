#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/evaluate/run/json_number.hpp>
#include <headcount/reference/load/json_file.hpp>
#include <headcount/reference/load/mapped_file.hpp>
#include <headcount/version.hpp>

namespace headcount::inline v0::evaluate {

/// What one model did with one prompt under one policy: a line of a result file.
struct row {
  std::string model{};        ///< the model folder's name
  std::string fingerprint{};  ///< of the model's weights
  std::string policy{};       ///< its sentence, as `print` writes it
  std::string task{};         ///< e.g. "needle", "glue/cola"
  std::string setting{};      ///< the task's options that are not at their defaults, e.g. "shots=5"; often empty
  std::string metric{};       ///< what `value` is, e.g. "exact_match", "acc"
  std::string prompt{};       ///< a name that stays with the prompt, whatever is run beside it, e.g. "anatomy/7"
  std::uint64_t seed = 0;     ///< that prompts were drawn with
  double value = 0;
  std::string version = headcount::version;
  nlohmann::ordered_json more = nlohmann::ordered_json::object();  ///< what the task adds: length, depth, loglik, ...
};

/// A row as JSON, its own keys first. Numbers that are not finite are texts, see json_number.
[[nodiscard]] inline nlohmann::ordered_json to_json(row const& one) {
  nlohmann::ordered_json json{
      {"model", one.model},     {"fingerprint", one.fingerprint}, {"policy", one.policy}, {"task", one.task},
      {"setting", one.setting}, {"metric", one.metric},           {"prompt", one.prompt}, {"seed", one.seed},
      {"value", one.value},     {"version", one.version}};
  for (auto const& [key, value] : one.more.items()) json[key] = value;
  spell_numbers(json);
  return json;
}

/// A row as a line, without its end. Bytes that are not UTF-8, as generated text may have, are replaced.
[[nodiscard]] inline std::string print(row const& one) {
  return to_json(one).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

/// What makes two rows answers to the same question: everything but the answer and what the task adds to it.
[[nodiscard]] inline std::string key_of(row const& one) {
  return nlohmann::json{one.fingerprint, one.policy, one.task, one.setting,
                        one.metric,      one.prompt, one.seed, one.version}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Reads a line that `print` wrote. What the task added stays as it was written, so numbers in it that were not finite
/// are read by number_from. `what` names the line in errors. Throws headcount::error when it is no row.
[[nodiscard]] inline row parse_row(std::string_view what, std::string_view line) {
  static constexpr auto form = "a JSON object with model, fingerprint, policy, task, metric, prompt, seed, value, ...";
  auto json = reference::parse_json<nlohmann::ordered_json>(what, line);
  if (!json.is_object()) throw error{what, "it is no result row", form};
  row one;
  auto const take = [&](char const* key, auto& value) {
    auto const found = json.find(key);
    if (found == json.end()) throw error{what, text_of("it is no result row: \"", key, "\" is missing"), form};
    try {
      if constexpr (std::same_as<decltype(value), double&>) value = number_from(*found).value();
      else found->get_to(value);
    } catch (std::exception const&) {  // another type
      throw error{what, text_of("\"", key, "\" is ", found->dump()), form};
    }
    json.erase(found);
  };
  take("model", one.model);
  take("fingerprint", one.fingerprint);
  take("policy", one.policy);
  take("task", one.task);
  if (json.contains("setting")) take("setting", one.setting);
  take("metric", one.metric);
  take("prompt", one.prompt);
  if (json.contains("seed") && !json["seed"].is_number_unsigned())
    throw error{what, text_of("\"seed\" is ", json["seed"].dump()), "a whole number from 0"};
  take("seed", one.seed);
  take("value", one.value);
  take("version", one.version);
  one.more = std::move(json);
  return one;
}

/// Reads a result file: a row a line; lines without a sign are passed over, and so is a last line that was cut off
/// while it was written. Throws headcount::error that names the line that is no row.
[[nodiscard]] inline std::vector<row> read_rows(std::filesystem::path const& path) {
  reference::mapped_file const file{path};
  std::string_view rest{reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
  std::vector<row> rows;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    auto const line = rest.substr(0, rest.find('\n'));
    bool const has_end = line.size() < rest.size();
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (!has_end && !nlohmann::json::accept(line)) break;
    rows.push_back(parse_row(text_of(path.string(), ", line ", number), line));
  }
  return rows;
}

}  // namespace headcount::inline v0::evaluate
