#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/report/figure.hpp>
#include <headcount/report/needle_cells.hpp>
#include <headcount/report/results.hpp>

namespace headcount::v0::report {

/// Where needles are found: a map of length by realised depth for each policy. `of` are the results of one thing
/// measured; when no row of theirs has a needle, the figure has no data.
[[nodiscard]] inline figure needle_figure(std::span<result const> of) {
  auto data = nlohmann::ordered_json::array();
  std::vector<double> lengths;
  double most = 1;
  for (auto const& one : of) {
    for (auto const* row : one.rows)
      if (std::isfinite(row->value)) most = (std::max)(most, row->value);
    for (auto const& cell : needle_cells(one)) {
      auto const from = cell.band * 100 / depth_bands;
      auto& row =
          data.emplace_back(nlohmann::ordered_json{{"policy", one.policy},
                                                   {"length", cell.length},
                                                   {"depth", text_of(from, "-", from + 100 / depth_bands, "%")}});
      add_estimate(row, cell.mean);
      lengths.push_back(cell.length);
    }
  }
  std::ranges::sort(lengths);
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  auto const& about = of.front().of;
  figure made{
      .name = name_from(text_of("needles ", about.model, " ", about.task, " ", about.setting, " ", about.metric)),
      .title = text_of("Where needles are found: ", about.model, ", ", panel_title(about)),
      .caption = text_of("Mean ", about.metric,
                         " by the length of the prompt and the depth at which the needle's "
                         "first token really stands; bands of depth that no needle fell into are left blank."),
      .columns = {{"policy", "policy"}, {"length", "length"}, {"depth", "realised depth"}}};
  add_estimate_columns(made, data);
  auto const policies = values_under(data, "policy");
  auto const loss = of.front().how.better == evaluate::direction::lower;
  made.spec = make_spec(text_of("Heat maps of mean ", about.metric, " on ", about.model, " by prompt length (",
                                lengths.size(), ") and realised needle depth, one for each of ", policies.size(),
                                " policies. The table has its numbers."),
                        std::move(data), R"({
    "facet": {"field": "policy", "type": "nominal", "title": null},
    "spec": {
      "width": {"step": 40},
      "height": {"step": 20},
      "encoding": {
        "x": {"field": "length", "type": "ordinal", "title": "length, tokens", "axis": {"labelAngle": 0}},
        "y": {"field": "depth", "type": "ordinal", "title": "realised depth"}
      },
      "layer": [
        {"mark": "rect",
         "encoding": {
           "color": {"field": "value", "type": "quantitative", "title": null, "scale": {"scheme": "viridis"}},
           "tooltip": [
             {"field": "policy"}, {"field": "length"}, {"field": "depth"}, {"field": "value", "format": ".4~g"},
             {"field": "low", "format": ".4~g"}, {"field": "high", "format": ".4~g"}, {"field": "prompts"}
           ]}},
        {"mark": {"type": "text", "fontSize": 10},
         "encoding": {"text": {"field": "value", "type": "quantitative", "format": ".2~f"}}}
      ]
    }
  })");
  auto& spec = made.spec;
  std::vector<std::string> bands;
  for (std::size_t band = 0; band < depth_bands; ++band)
    bands.push_back(text_of(band * 100 / depth_bands, "-", (band + 1) * 100 / depth_bands, "%"));
  spec["facet"]["sort"] = policies;
  // A map is as wide as its cells or its title.
  std::size_t longest = 0;
  for (auto const& policy : policies) longest = (std::max)(longest, policy.size());
  spec["columns"] = std::clamp<std::size_t>(960 / (std::max)(40 * lengths.size() + 70, 7 * longest), 1, 4);
  spec["spec"]["encoding"]["y"]["sort"] = bands;
  auto& color = spec["spec"]["layer"][0]["encoding"]["color"];
  color["title"] = about.metric;
  color["scale"]["domain"] = {0, most};
  color["scale"]["reverse"] = loss;
  // Viridis is dark where it begins.
  spec["spec"]["layer"][1]["encoding"]["color"] = {
      {"condition",
       {{"test", text_of("datum.value ", loss ? "<" : ">", " ", nlohmann::json(most / 2).dump())},
        {"value", "#000000"}}},
      {"value", "#ffffff"}};
  return made;
}

}  // namespace headcount::v0::report
