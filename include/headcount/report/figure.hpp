#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/report/results.hpp>
#include <headcount/result/total.hpp>

namespace headcount::v0::report {

/// A column of the table beside a figure: a field of its data.
struct column {
  std::string key;
  std::string title;
};

/// A picture and its numbers. The table and the picture show the same data: the objects in `spec["data"]["values"]`.
struct figure {
  std::string name;  ///< of its file and its place on the page: lower-case letters, digits and hyphens
  std::string title;
  std::string caption;
  std::vector<column> columns{};
  nlohmann::ordered_json spec{};  ///< Vega-Lite 6; its description says in words what the picture shows

  [[nodiscard]] nlohmann::ordered_json const& data() const { return spec["data"]["values"]; }
};

/// Words as a name: "tiny-jamba, needle" is "tiny-jamba-needle".
[[nodiscard]] inline std::string name_from(std::string_view words) {
  std::string name;
  for (char const sign : words) {
    bool const is_upper = sign >= 'A' && sign <= 'Z';
    bool const keeps = is_upper || (sign >= 'a' && sign <= 'z') || (sign >= '0' && sign <= '9');
    if (keeps) name += is_upper ? static_cast<char>(sign - 'A' + 'a') : sign;
    else if (!name.empty() && name.back() != '-') name += '-';
  }
  if (!name.empty() && name.back() == '-') name.pop_back();
  return name;
}

/// A specification out of its data, what it shows in words, and the rest as JSON text.
[[nodiscard]] inline nlohmann::ordered_json make_spec(std::string_view description, nlohmann::ordered_json data,
                                                      std::string_view rest) {
  nlohmann::ordered_json spec{{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
                              {"description", description},
                              {"data", {{"values", std::move(data)}}}};
  spec.update(nlohmann::ordered_json::parse(rest));
  return spec;
}

/// The fields of a total, as every figure's data has them; the total or the ends of its interval are null when there is
/// none.
inline void add_estimate(nlohmann::ordered_json& to, evaluate::estimate const& mean) {
  using json = nlohmann::ordered_json;
  to["value"] = std::isfinite(mean.value) ? json(mean.value) : json{};
  to["low"] = mean.ci95 ? json(mean.ci95->low) : json{};
  to["high"] = mean.ci95 ? json(mean.ci95->high) : json{};
  to["rows"] = mean.rows;
  to["prompts"] = mean.prompts;
  to["clusters"] = mean.clusters;
  to["not_finite"] = mean.not_finite;
}

/// The columns of these fields, and in the caption what became of values that are not finite.
inline void add_estimate_columns(figure& to, nlohmann::ordered_json const& data) {
  to.columns.insert(
      to.columns.end(),
      {{"value", "total"}, {"low", "95% from"}, {"high", "to"}, {"prompts", "prompts"}, {"clusters", "clusters"}});
  if (std::ranges::none_of(data, [](auto const& one) { return one["not_finite"] > 0; })) return;
  to.columns.push_back({"not_finite", "not finite"});
  to.caption += " Rows whose value is not finite are left out of the total and counted in the table.";
}

/// The different texts under a key, in the order they come.
[[nodiscard]] inline std::vector<std::string> values_under(nlohmann::ordered_json const& data, char const* key) {
  std::vector<std::string> found;
  for (auto const& one : data) {
    auto value = one[key].get<std::string>();
    if (std::ranges::find(found, value) == found.end()) found.push_back(std::move(value));
  }
  return found;
}

/// The families of policies in data, for colours and shapes: dense and none last, so that the others keep theirs in
/// figures without them.
[[nodiscard]] inline std::vector<std::string> families_in(nlohmann::ordered_json const& data) {
  auto const found = values_under(data, "family");
  std::vector<std::string> families;
  for (bool const selects : {true, false})
    for (auto const& one : found)
      if ((one.find('|') != one.npos) == selects) families.push_back(one);
  return families;
}

/// Whether every number under some keys is a share, 0 to 1.
[[nodiscard]] inline bool are_shares(nlohmann::ordered_json const& data, std::span<char const* const> keys) {
  return std::ranges::all_of(data, [&](auto const& one) {
    return std::ranges::all_of(keys,
                               [&](char const* key) { return one[key].is_null() || (one[key] >= 0 && one[key] <= 1); });
  });
}

/// The scale of an axis of values: from 0, so that what looks large is large, and to 1 for shares.
[[nodiscard]] inline nlohmann::ordered_json value_scale(nlohmann::ordered_json const& data) {
  static constexpr char const* keys[]{"value", "low", "high"};
  if (are_shares(data, keys)) return {{"domain", {0, 1}}};
  return {{"zero", true}};
}

}  // namespace headcount::v0::report
