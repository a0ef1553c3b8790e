#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/report/figure.hpp>
#include <headcount/report/policy_cost.hpp>
#include <headcount/report/policy_order.hpp>
#include <headcount/report/results.hpp>

namespace headcount::v0::report {

/// Quality against heads kept: a curve with its band for each family of policies, a panel for each thing measured.
/// Families that zero what they drop begin where no head is kept in the same scope, and all end where every head is:
/// there they are the policies none and dense. Policies that keep an unknown number of heads are named in the caption.
[[nodiscard]] inline figure heads_figure(std::string const& model, std::span<result const> results,
                                         known_models const& models) {
  struct point {
    result const* reached;
    std::string family;
    kept_share heads;
  };
  std::vector<point> points;
  std::set<std::string> unplaced;
  for (auto const* one : results_on(model, results)) {
    if (auto const heads = heads_of(*one, models)) points.push_back({one, family_of(one->policy), *heads});
    else unplaced.insert(one->policy);
  }
  auto const is_alone = [](std::string const& policy) {
    return policy.starts_with("dense") || policy.starts_with("none");
  };
  auto const scope_of = [](std::string const& policy) {
    auto const scope = until(policy, 0, '@').size();
    return policy.substr((std::min)(scope, policy.size()));
  };
  // A family's own points, with the ends that it shares with others.
  auto data = nlohmann::ordered_json::array();
  auto const add = [&](point const& one, std::string const& family) {
    auto& row = data.emplace_back(nlohmann::ordered_json{{"panel", panel_title(one.reached->of)},
                                                         {"family", family},
                                                         {"policy", one.reached->policy},
                                                         {"heads", one.heads.kept},
                                                         {"share", one.heads.value()}});
    add_estimate(row, one.reached->mean);
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    auto const& of = points[i].reached->of;
    auto const& family = points[i].family;
    bool const is_first = i == 0 || points[i - 1].reached->of != of || points[i - 1].family != family;
    if (is_alone(family)) continue;
    if (is_first)
      for (auto const& end : points) {
        if (end.reached->of != of || !is_alone(end.family)) continue;
        bool const is_dense = end.family == "dense";
        bool const zeroes = family.find('|') == family.rfind('|');  // a third part is another mask
        if (is_dense || (zeroes && scope_of(end.family) == scope_of(family))) add(end, family);
      }
    add(points[i], family);
  }
  figure made{.name = name_from("heads " + model),
              .title = text_of("Quality against heads kept: ", model),
              .caption =
                  "Means with 95% bands, against the share of the model's heads that is kept where the policy "
                  "acts. A curve is one kind of policy; at 0% it is \"none\", at 100% \"dense\".",
              .columns = {{"panel", "measured"}, {"family", "curve"}, {"policy", "policy"}, {"heads", "heads kept"}}};
  add_estimate_columns(made, data);
  if (!unplaced.empty()) {
    std::string names;
    for (auto const& policy : unplaced) add_to_list(names, "\"" + policy + "\"");
    made.caption += text_of(" Not shown, as it is not known how many heads they keep: ", names, ".");
  }
  auto const panels = values_under(data, "panel");
  auto const families = families_in(data);
  auto const scale = value_scale(data);
  made.spec = make_spec(
      text_of("Curves of quality on ", model, " against the share of heads kept, with 95% bands, for ", families.size(),
              " kinds of policies in ", panels.size(), " panels. The table has its numbers."),
      std::move(data), R"({
    "facet": {"field": "panel", "type": "nominal", "title": null},
    "columns": 2,
    "spec": {
      "width": 380,
      "height": 260,
      "encoding": {
        "x": {"field": "share", "type": "quantitative", "title": "heads kept", "axis": {"format": "%"}, "scale": {"domain": [0, 1]}},
        "color": {"field": "family", "type": "nominal", "title": null,
                  "legend": {"orient": "bottom", "direction": "vertical", "columns": 2, "labelLimit": 420}}
      },
      "layer": [
        {"mark": {"type": "area", "opacity": 0.15},
         "encoding": {"y": {"field": "low", "type": "quantitative", "title": "mean"}, "y2": {"field": "high"}}},
        {"mark": {"type": "line", "strokeWidth": 2},
         "encoding": {"y": {"field": "value", "type": "quantitative"}}},
        {"mark": {"type": "point", "filled": true, "size": 55, "opacity": 1},
         "encoding": {
           "y": {"field": "value", "type": "quantitative"},
           "shape": {"field": "family", "type": "nominal", "title": null},
           "tooltip": [
             {"field": "policy"}, {"field": "heads"}, {"field": "value", "format": ".4~g"},
             {"field": "low", "format": ".4~g"}, {"field": "high", "format": ".4~g"}, {"field": "prompts"}
           ]}}
      ]
    }
  })");
  auto& spec = made.spec;
  spec["facet"]["sort"] = panels;
  spec["spec"]["encoding"]["color"]["sort"] = families;
  spec["spec"]["layer"][2]["encoding"]["shape"]["sort"] = families;
  spec["spec"]["layer"][0]["encoding"]["y"]["scale"] = scale;
  if (!scale.contains("domain")) spec["resolve"] = {{"scale", {{"y", "independent"}}}};
  return made;
}

}  // namespace headcount::v0::report
