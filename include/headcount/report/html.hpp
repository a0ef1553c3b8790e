#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/report/figure.hpp>

namespace headcount::v0::report {

/// Text as HTML shows it, in elements and in quoted attributes.
[[nodiscard]] inline std::string escaped(std::string_view text) {
  std::string html;
  for (char const sign : text) {
    if (sign == '&') html += "&amp;";
    else if (sign == '<') html += "&lt;";
    else if (sign == '>') html += "&gt;";
    else if (sign == '"') html += "&quot;";
    else html += sign;
  }
  return html;
}

/// JSON that may stand in a script element: no sign of it ends the element or opens a comment.
[[nodiscard]] inline std::string script_json(nlohmann::ordered_json const& json) {
  std::string text;
  for (char const sign : json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace)) {
    if (sign == '<') text += "\\u003c";
    else text += sign;
  }
  return text;
}

/// A value as a table shows it: whole numbers whole, others with four significant digits, nothing for null.
[[nodiscard]] inline std::string cell_text(nlohmann::ordered_json const& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number()) return value.dump();
  auto const number = value.get<double>();
  std::array<char, 32> digits{};
  bool const is_whole = std::abs(number) < 1e15 && number == std::floor(number);
  auto const written =
      is_whole ? std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<long long>(number))
               : std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::general, 4);
  return {digits.data(), written.ptr};
}

/// A figure's data as a table, numbers to the right.
[[nodiscard]] inline std::string table_html(figure const& of) {
  auto const cell_of = [](bool is_text) { return is_text ? ">" : " class=\"number\">"; };
  std::string html = "<table><thead><tr>";
  for (auto const& [key, title] : of.columns) {
    bool const is_text = std::ranges::any_of(of.data(), [&](auto const& row) { return row[key].is_string(); });
    html += text_of("<th scope=\"col\"", cell_of(is_text), escaped(title), "</th>");
  }
  html += "</tr></thead><tbody>\n";
  for (auto const& row : of.data()) {
    html += "<tr>";
    for (auto const& [key, title] : of.columns)
      html += text_of("<td", cell_of(row[key].is_string()), escaped(cell_text(row[key])), "</td>");
    html += "</tr>\n";
  }
  return html + "</tbody></table>";
}

/// A figure with room for its picture, its caption and its table.
[[nodiscard]] inline std::string figure_html(figure const& of) {
  auto const name = escaped(of.name);
  auto const title = escaped(of.title);
  return text_of("<figure id=\"", name, "\">\n<h3>", title, "</h3>\n<figcaption>", escaped(of.caption),
                 "</figcaption>\n<div class=\"pair\">\n<div class=\"chart\" data-figure=\"", name, "\"></div>\n",
                 "<div class=\"numbers\" role=\"region\" tabindex=\"0\" aria-label=\"Numbers of: ", title, "\">",
                 table_html(of), "</div>\n</div>\n</figure>\n");
}

}  // namespace headcount::v0::report
