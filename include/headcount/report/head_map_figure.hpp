#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/report/figure.hpp>

namespace headcount::v0::report {

/// Which heads matter: a map of layer by head for each ranking of one model. Each has a scale of its own, but that of
/// keep_frequency, how often a runtime policy keeps a head, is 0 to 1. Rankings of one method and other data are told
/// apart by their data and seed.
[[nodiscard]] inline figure head_map_figure(std::string const& model, std::span<ranking const> rankings) {
  using json = nlohmann::ordered_json;
  auto data = json::array();
  auto maps = json::array();
  std::vector<std::string> titles;
  std::size_t widest = 1;
  for (auto const& one : rankings) {
    auto title = one.source.method.empty() ? std::string{"ranking"} : one.source.method;
    if (std::ranges::find(titles, title) != titles.end())
      title = text_of(title, ", ", one.source.data, ", seed ", one.source.seed);
    while (std::ranges::find(titles, title) != titles.end()) title += "'";
    titles.push_back(title);
    for (std::size_t layer = 0; layer < one.scores.size(); ++layer)
      for (std::size_t head = 0; head < one.scores[layer].size(); ++head)
        data.push_back({{"ranking", title}, {"layer", layer}, {"head", head}, {"value", one.scores[layer][head]}});
    for (auto const& layer : one.scores) widest = (std::max)(widest, layer.size());
    auto map = json::parse(R"({
      "title": {"fontSize": 11, "fontWeight": "normal", "anchor": "start"},
      "width": {"step": 20},
      "height": {"step": 20},
      "mark": "rect",
      "encoding": {
        "x": {"field": "head", "type": "ordinal", "title": "head", "axis": {"labelAngle": 0, "labelOverlap": true}},
        "y": {"field": "layer", "type": "ordinal", "title": "layer"},
        "color": {"field": "value", "type": "quantitative", "title": null, "scale": {"scheme": "viridis"},
                  "legend": {"gradientLength": 80}},
        "tooltip": [{"field": "layer"}, {"field": "head"}, {"field": "value", "format": ".4~g"}]
      }
    })");
    map["title"]["text"] = title;
    map["transform"] = {{{"filter", {{"field", "ranking"}, {"equal", title}}}}};
    if (title.starts_with("keep_frequency")) map["encoding"]["color"]["scale"]["domain"] = {0, 1};
    maps.push_back(std::move(map));
  }
  figure made{.name = name_from("head-map " + model),
              .title = text_of("Which heads: ", model),
              .caption =
                  "Scores of every attention head, a row a layer that attends. keep_frequency is the share of "
                  "tokens at which a runtime policy keeps the head, of those of an answer or of a recording.",
              .columns = {{"ranking", "ranking"}, {"layer", "layer"}, {"head", "head"}, {"value", "score"}}};
  made.spec = make_spec(text_of("Maps of layer by head on ", model, ", coloured by score: ", rankings.size(),
                                " rankings. The table has their numbers."),
                        std::move(data), "{}");
  made.spec["concat"] = std::move(maps);
  made.spec["columns"] = std::clamp<std::size_t>(960 / (20 * widest + 110), 1, 3);
  made.spec["resolve"] = {{"scale", {{"color", "independent"}}}};
  return made;
}

}  // namespace headcount::v0::report
