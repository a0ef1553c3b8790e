#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/cost/model_cost.hpp>
#include <headcount/report/figure.hpp>
#include <headcount/report/frontier.hpp>
#include <headcount/report/policy_cost.hpp>
#include <headcount/report/policy_order.hpp>
#include <headcount/report/results.hpp>

namespace headcount::v0::report {

/// Quality against cost: what each policy reached, against the FLOPs and the bytes read of one generated token, as
/// shares of dense; a line joins those that no other policy beats.
[[nodiscard]] inline figure cost_figure(std::string const& model, std::span<result const> results,
                                        reference::model_config const& config, std::size_t context) {
  using evaluate::block_cost;
  struct price {
    char const* title;
    std::size_t block_cost::* what;
  };
  static constexpr price prices[]{{"FLOPs", &block_cost::flops}, {"bytes read", &block_cost::bytes}};
  struct point {
    result const* reached;
    policy_cost cost;
  };
  std::vector<std::vector<point>> panels;
  for (auto const* one : results_on(model, results)) {
    if (panels.empty() || panels.back().back().reached->of != one->of) panels.emplace_back();
    if (auto const cost = cost_of_policy(one->policy, config, context); cost && std::isfinite(one->mean.value))
      panels.back().push_back({one, *cost});
    if (panels.back().empty()) panels.pop_back();
  }
  auto data = nlohmann::ordered_json::array();
  for (auto const& points : panels)
    for (auto const& [title, what] : prices) {
      std::vector<trade> trades;
      for (auto const& [reached, cost] : points) {
        auto const loss = reached->how.better == evaluate::direction::lower;
        trades.push_back({.cost = static_cast<double>(cost.pass.sum(what)),
                          .quality = loss ? -reached->mean.value : reached->mean.value});
      }
      auto const best = frontier_of(trades);
      for (std::size_t i = 0; i < points.size(); ++i) {
        auto const& [reached, cost] = points[i];
        auto& row = data.emplace_back(
            nlohmann::ordered_json{{"panel", text_of(panel_title(reached->of), " against ", title)},
                                   {"family", family_of(reached->policy)},
                                   {"policy", reached->policy},
                                   {"cost", cost.pass.sum(what)},
                                   {"share", trades[i].cost / static_cast<double>(cost.full.sum(what))},
                                   {"frontier", best[i] ? "yes" : "no"}});
        add_estimate(row, reached->mean);
      }
    }
  figure made{
      .name = name_from("cost " + model),
      .title = text_of("Quality against cost: ", model),
      .caption = text_of("What a generated token costs after ", context - 1,
                         " others, at most, as a share of dense, computed from the model's sizes. The line joins "
                         "policies that no other one beats in both ways."),
      .columns = {{"panel", "measured"},
                  {"policy", "policy"},
                  {"cost", "cost"},
                  {"share", "share of dense"},
                  {"frontier", "unbeaten"}}};
  add_estimate_columns(made, data);
  auto const titles = values_under(data, "panel");
  auto const families = families_in(data);
  auto const scale = value_scale(data);
  made.spec = make_spec(
      text_of("Scatter plots of quality on ", model, " against FLOPs and bytes read of a generated token, in ",
              titles.size(), " panels; a line joins the policies that no other one beats. The table has its numbers."),
      std::move(data), R"({
    "facet": {"field": "panel", "type": "nominal", "title": null},
    "columns": 2,
    "spec": {
      "width": 380,
      "height": 240,
      "encoding": {
        "x": {"field": "share", "type": "quantitative", "title": "cost, of dense", "axis": {"format": ".0%"}, "scale": {"zero": false}},
        "y": {"field": "value", "type": "quantitative", "title": "mean"}
      },
      "layer": [
        {"transform": [{"filter": "datum.frontier === 'yes'"}],
         "mark": {"type": "line", "interpolate": "step-after", "strokeDash": [4, 3], "opacity": 0.7}},
        {"mark": {"type": "rule", "opacity": 0.35},
         "encoding": {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"},
                      "color": {"field": "family", "type": "nominal"}}},
        {"mark": {"type": "point", "filled": true, "size": 70},
         "encoding": {
           "color": {"field": "family", "type": "nominal", "title": null,
                     "legend": {"orient": "bottom", "direction": "vertical", "columns": 2, "labelLimit": 420}},
           "shape": {"field": "family", "type": "nominal", "title": null},
           "opacity": {"condition": {"test": "datum.frontier === 'yes'", "value": 1}, "value": 0.5},
           "tooltip": [
             {"field": "policy"}, {"field": "share", "format": ".4~g"}, {"field": "value", "format": ".4~g"},
             {"field": "low", "format": ".4~g"}, {"field": "high", "format": ".4~g"}, {"field": "frontier", "title": "unbeaten"}
           ]}}
      ]
    },
    "resolve": {"scale": {"x": "independent"}}
  })");
  auto& spec = made.spec;
  spec["facet"]["sort"] = titles;
  for (auto const* channel : {"color", "shape"}) spec["spec"]["layer"][2]["encoding"][channel]["sort"] = families;
  spec["spec"]["layer"][1]["encoding"]["color"]["sort"] = families;
  spec["spec"]["encoding"]["y"]["scale"] = scale;
  if (!scale.contains("domain")) spec["resolve"]["scale"]["y"] = "independent";
  return made;
}

}  // namespace headcount::v0::report
