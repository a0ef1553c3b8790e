#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// A number as JSON, which has no infinities: one that is not finite is the text "inf", "-inf" or "nan".
[[nodiscard]] inline nlohmann::ordered_json json_number(double number) {
  if (std::isfinite(number)) return number;
  return std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
}

/// The number that json_number wrote; none for anything else.
[[nodiscard]] inline std::optional<double> number_from(nlohmann::ordered_json const& json) {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  if (json.is_number()) return json.get<double>();
  if (json == "inf") return infinity;
  if (json == "-inf") return -infinity;
  if (json == "nan") return std::numeric_limits<double>::quiet_NaN();
  return {};
}

/// Writes every number in a value, however deep, as json_number does: without this they are printed as null.
inline void spell_numbers(nlohmann::ordered_json& json) {
  if (json.is_number_float()) json = json_number(json.get<double>());
  else if (json.is_structured())
    for (auto& inner : json) spell_numbers(inner);
}

}  // namespace headcount::v0::evaluate
