#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/report/html.hpp>
#include <headcount/report/provenance.hpp>
#include <headcount/report/results.hpp>
#include <headcount/report/sections.hpp>

namespace headcount::v0::report {

/// The page's body.
[[nodiscard]] inline std::string body_html(std::span<section const> sections, std::span<result const> results,
                                           page_plan const& plan) {
  std::string nav;
  std::string main;
  for (auto const& one : sections) {
    nav += text_of("<li><a href=\"#", one.name, "\">", one.title, "</a></li>\n");
    main += text_of("<section id=\"", one.name, "\">\n<h2>", one.title, "</h2>\n");
    if (one.figures.empty()) main += text_of("<p class=\"missing\">", escaped(one.missing), "</p>\n");
    for (auto const& figure : one.figures) main += figure_html(figure);
    main += "</section>\n";
  }
  return text_of("<nav aria-label=\"Sections\"><ul>\n<li><a href=\"#run\">What was run</a></li>\n", nav,
                 "</ul></nav>\n<main>\n<section id=\"run\">\n<h2>What was run</h2>\n", provenance_html(results, plan),
                 "</section>\n", main, "</main>\n");
}

/// The figures by name, as the page and the drawing of files read them: `[{"name", "spec"}, ...]`.
[[nodiscard]] inline nlohmann::ordered_json figures_json(std::span<section const> sections) {
  auto list = nlohmann::ordered_json::array();
  for (auto const& one : sections)
    for (auto const& figure : one.figures) list.push_back({{"name", figure.name}, {"spec", figure.spec}});
  return list;
}

/// Puts body and figures into a template, which holds the marks `<!--headcount body-->` and `<!--headcount figures-->`
/// once each. `what` names it. Throws headcount::error when it does not.
[[nodiscard]] inline std::string fill_page(std::string_view what, std::string page, std::string_view body,
                                           nlohmann::ordered_json const& figures) {
  auto const put = [&](std::string_view mark, std::string_view text) {
    auto const at = page.find(mark);
    if (at == page.npos) throw error{what, text_of("it has no mark ", mark), "a page template"};
    page.replace(at, mark.size(), text);
  };
  put("<!--headcount figures-->", script_json(figures));
  put("<!--headcount body-->", body);
  return page;
}

}  // namespace headcount::v0::report
