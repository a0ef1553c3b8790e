#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/json_number.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

namespace detail {

inline constexpr std::pair<std::string_view, std::string row::*> texts_of_row[]{
    {"model", &row::model},   {"model_identity", &row::model_identity},
    {"policy", &row::policy}, {"policy_identity", &row::policy_identity},
    {"task", &row::task},     {"setting", &row::setting},
    {"metric", &row::metric}, {"task_identity", &row::task_identity},
    {"prompt", &row::prompt}, {"version", &row::version}};

/// Puts a value where it belongs in a row. Returns what is allowed there when it is no such value.
[[nodiscard]] inline std::string_view put_into(row& one, std::string const& key, nlohmann::ordered_json& value) {
  if (auto const* const text =
          std::ranges::find(texts_of_row, key, &std::pair<std::string_view, std::string row::*>::first);
      text != std::end(texts_of_row)) {
    if (!value.is_string()) return "a text";
    one.*text->second = std::move(value.get_ref<std::string&>());
  } else if (key == "seed") {
    if (!value.is_number_unsigned()) return "a whole number from 0";
    one.seed = value.get<std::uint64_t>();
  } else if (key == "value") {
    auto const number = number_from(value);
    if (!number) return "a number, \"inf\", \"-inf\" or \"nan\"";
    one.value = *number;
  } else if (key == "factors") {
    if (!value.is_object() || !std::ranges::all_of(value, [](auto const& one_of) { return one_of.is_string(); }))
      return "texts by name";
    value.get_to(one.factors);
  } else {
    one.more[key] = std::move(value);
  }
  return {};
}

}  // namespace detail

/// Reads a line that `print` wrote, or a row of somebody else's or of an earlier version: setting, factors and
/// identities may be absent, `fingerprint` is an earlier name of the model's. Where an identity is absent the label
/// stands for it, which no identity of ours equals. What the task added stays as it was written, so numbers in it that
/// were not finite are read by number_from. `what` names the line in errors. Throws headcount::error when it is no row.
[[nodiscard]] inline row parse_row(std::string_view what, std::string_view line) {
  static constexpr auto form = "a JSON object with model, policy, task, metric, prompt, seed, value, version, ...";
  auto json = reference::parse_json<nlohmann::ordered_json>(what, line);
  if (!json.is_object()) throw error{what, "it is no result row", form};
  if (auto const earlier = json.find("fingerprint"); earlier != json.end() && !json.contains("model_identity")) {
    json["model_identity"] = *earlier;
    json.erase("fingerprint");
  }
  auto const require = [&](std::string_view key) {
    if (!json.contains(key)) throw error{what, text_of("it is no result row: \"", key, "\" is missing"), form};
  };
  for (auto const& [key, member] : detail::texts_of_row)
    if (key != "setting" && !key.ends_with("_identity")) require(key);
  require("seed");
  require("value");
  row one;
  for (auto& [key, value] : json.get_ref<nlohmann::ordered_json::object_t&>())
    if (auto const allowed = detail::put_into(one, key, value); !allowed.empty())
      throw error{what, text_of("\"", key, "\" is ", value.dump()), allowed};
  if (!json.contains("model_identity")) one.model_identity = one.model;
  if (!json.contains("policy_identity")) one.policy_identity = one.policy;
  if (!json.contains("task_identity")) one.task_identity = text_of(one.task, "; ", one.setting);
  return one;
}

}  // namespace headcount::v0::evaluate
