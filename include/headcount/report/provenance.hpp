#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include <headcount/core/text.hpp>
#include <headcount/report/html.hpp>
#include <headcount/report/results.hpp>
#include <headcount/report/sections.hpp>
#include <headcount/version.hpp>

namespace headcount::v0::report {

/// What was run: a row for each model and thing measured.
[[nodiscard]] inline std::string provenance_html(std::span<result const> results, page_plan const& plan) {
  struct summary {
    std::set<std::string> prompts{};
    std::set<std::uint64_t> seeds{};
    std::size_t policies = 0;
    std::size_t rows = 0;
  };
  std::map<measured, summary> all;
  std::string version;
  std::size_t rows = 0;
  for (auto const& one : results) {
    auto& of = all[one.of];
    ++of.policies;
    of.rows += one.rows.size();
    rows += one.rows.size();
    for (auto const* row : one.rows) {
      of.prompts.insert(row->prompt);
      of.seeds.insert(row->seed);
      version = row->version;
    }
  }
  auto html =
      text_of("<dl><dt>Rows</dt><dd>", rows, " in ", escaped(plan.what), ", measured by headcount ", escaped(version),
              "</dd><dt>Page</dt><dd>made by headcount ", headcount::version, ": <code>", escaped(plan.command),
              "</code></dd></dl>\n<div class=\"numbers\" role=\"region\" tabindex=\"0\" aria-label=\"What was run\">"
              "<table><thead><tr>");
  for (auto const* title : {"model", "identity", "task", "setting", "metric", "prompts", "policies", "rows", "seeds"})
    html += text_of("<th scope=\"col\">", title, "</th>");
  html += "</tr></thead><tbody>\n";
  for (auto const& [of, sum] : all) {
    std::string seeds;
    for (auto const seed : sum.seeds) add_to_list(seeds, text_of(seed));
    html += text_of("<tr><td>", escaped(of.model), "</td><td><code>", escaped(of.model_identity), "</code></td><td>",
                    escaped(of.task), "</td><td>", escaped(of.setting), "</td><td>", escaped(of.metric),
                    "</td><td class=\"number\">", sum.prompts.size(), "</td><td class=\"number\">", sum.policies,
                    "</td><td class=\"number\">", sum.rows, "</td><td>", seeds, "</td></tr>\n");
  }
  html += "</tbody></table></div>\n";
  if (plan.rankings.empty()) return html;
  html += "<ul>";
  for (auto const& one : plan.rankings)
    html += one.source.version.empty()  // a recording, which says no more
                ? text_of("<li><code>", escaped(one.source.method), "</code> of ", escaped(one.source.model), "</li>\n")
                : text_of("<li>ranking <code>", escaped(one.source.method), "</code> of ", escaped(one.source.model),
                          ", identity <code>", escaped(one.source.model_identity), "</code>, on ",
                          one.source.data.empty() ? "weights" : escaped(one.source.data), ", seed ", one.source.seed,
                          ", headcount ", escaped(one.source.version), "</li>\n");
  return html + "</ul>\n";
}

}  // namespace headcount::v0::report
