#pragma once

#include <span>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/report/figure.hpp>
#include <headcount/report/results.hpp>

namespace headcount::v0::report {

/// What every policy reached on a model: a point with its interval for each policy, a panel for each thing measured.
[[nodiscard]] inline figure results_figure(std::string const& model, std::span<result const> results) {
  auto data = nlohmann::ordered_json::array();
  for (auto const* one : results_on(model, results)) {
    auto& row = data.emplace_back(nlohmann::ordered_json{{"panel", panel_title(one->of)}, {"policy", one->policy}});
    add_estimate(row, one->mean);
  }
  auto const panels = values_under(data, "panel");
  auto const policies = values_under(data, "policy");
  figure made{.name = name_from("results " + model),
              .title = text_of("What every policy reached: ", model),
              .caption =
                  "Totals with 95% intervals over prompts, or over what prompts share where that is wider (clusters). "
                  "Policies that saw the same prompts are "
                  "compared more sharply further down.",
              .columns = {{"panel", "measured"}, {"policy", "policy"}}};
  add_estimate_columns(made, data);
  auto const scale = value_scale(data);
  made.spec = make_spec(
      text_of("Dot plot of the totals of ", policies.size(), " policies on ", model, ", with 95% intervals, in ",
              panels.size(), " panels, one for each task and metric. The table has its numbers."),
      std::move(data), R"({
    "facet": {"field": "panel", "type": "nominal", "title": null},
    "columns": 2,
    "spec": {
      "width": 300,
      "height": {"step": 18},
      "encoding": {
        "y": {"field": "policy", "type": "nominal", "title": null},
        "x": {"field": "value", "type": "quantitative", "title": "total"},
        "tooltip": [
          {"field": "policy"}, {"field": "value", "format": ".4~g"}, {"field": "low", "format": ".4~g"},
          {"field": "high", "format": ".4~g"}, {"field": "prompts"}
        ]
      },
      "layer": [
        {"mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.55},
         "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}}},
        {"mark": {"type": "point", "filled": true, "size": 60, "opacity": 1}}
      ]
    }
  })");
  made.spec["facet"]["sort"] = panels;
  auto& encoding = made.spec["spec"]["encoding"];
  encoding["y"]["sort"] = policies;
  encoding["x"]["scale"] = scale;
  if (!scale.contains("domain")) made.spec["resolve"] = {{"scale", {{"x", "independent"}}}};
  return made;
}

}  // namespace headcount::v0::report
