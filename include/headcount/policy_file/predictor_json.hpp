#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/score/head_predictor.hpp>

namespace headcount::v0::reference {

// A head_predictor as JSON, one entry a layer, one or two maps each, rows of weights one an output:
//
//     {"layers": [{"layer": 2, "relu": false, "maps": [{"weight": [[0.5, ...], ...], "bias": [0.1, ...]}]}, ...]}

/// A list of finite numbers; `what` names it in error messages.
[[nodiscard]] inline std::vector<float> parse_numbers(std::string const& what, nlohmann::json const& list) {
  if (!list.is_array() || list.empty()) throw error{what, text_of(in_short(list), " is no list"), "numbers"};
  std::vector<float> numbers;
  for (auto const& value : list) {
    if (!value.is_number() || !std::isfinite(value.get<float>()))
      throw error{what, text_of(in_short(value), " is no number"), "finite numbers"};
    numbers.push_back(value.get<float>());
  }
  return numbers;
}

/// One map; `what` names it in error messages.
[[nodiscard]] inline score::affine_map parse_map(std::string const& what, nlohmann::json const& json) {
  if (!json.is_object() || !json.contains("weight") || !json["weight"].is_array() || !json.contains("bias"))
    throw error{what, text_of(in_short(json), " is no map"), R"({"weight": [[...], ...], "bias": [...]})"};
  score::affine_map map{.bias = parse_numbers(text_of(what, ", bias"), json["bias"])};
  auto const& rows = json["weight"];
  if (rows.size() != map.outputs())
    throw error{what, text_of("its weight has ", rows.size(), " rows, its bias ", map.outputs(), " numbers")};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const row = parse_numbers(text_of(what, ", weight[", i, "]"), rows[i]);
    if (i == 0) map.inputs = row.size();
    if (row.size() != map.inputs)
      throw error{what, text_of("weight[", i, "] has ", row.size(), " numbers, weight[0] ", map.inputs)};
    map.weight.insert(map.weight.end(), row.begin(), row.end());
  }
  return map;
}

/// One layer's maps; `what` names them in error messages.
[[nodiscard]] inline score::layer_predictor parse_layer_predictor(std::string const& what, nlohmann::json const& json) {
  config_reader const object{what, json};
  score::layer_predictor layer{.layer = object.count("layer", std::nullopt, 0), .relu = object.flag("relu", false)};
  if (!object.has("maps") || !json["maps"].is_array() || json["maps"].empty() || json["maps"].size() > 2)
    object.fail("maps", "a list of one or two maps");
  for (auto const& map : json["maps"])
    layer.maps.push_back(parse_map(text_of(what, ", maps[", layer.maps.size(), "]"), map));
  if (layer.maps.front().outputs() != layer.maps.back().inputs && layer.maps.size() == 2)
    throw error{
        what, text_of("maps[0] has ", layer.maps[0].outputs(), " outputs, maps[1] ", layer.maps[1].inputs, " inputs")};
  return layer;
}

/// A predictor out of JSON; `file` names it in error messages. Throws headcount::error when it is none.
[[nodiscard]] inline score::head_predictor parse_predictor(std::string const& file, nlohmann::json const& json) {
  if (!json.is_object() || !json.contains("layers") || !json["layers"].is_array() || json["layers"].empty())
    throw error{file, "it has no list \"layers\"", R"({"layers": [{"layer": 2, "maps": [...]}, ...]})"};
  score::head_predictor predictor;
  for (auto const& layer : json["layers"]) {
    auto const what = text_of(file, ", layers[", predictor.layers.size(), "]");
    auto next = parse_layer_predictor(what, layer);
    if (predictor.at(next.layer) != nullptr) throw error{what, text_of("layer ", next.layer, " is there twice")};
    predictor.layers.push_back(std::move(next));
  }
  return predictor;
}

/// Reads a predictor's file. Throws headcount::error when it cannot be read or is no predictor.
[[nodiscard]] inline score::head_predictor read_predictor(std::filesystem::path const& path) {
  return parse_predictor(path.string(), read_json(path));
}

/// A predictor as JSON, which parse_predictor reads back as the same one.
[[nodiscard]] inline nlohmann::ordered_json to_json(score::head_predictor const& predictor) {
  auto layers = nlohmann::ordered_json::array();
  for (auto const& layer : predictor.layers) {
    auto maps = nlohmann::ordered_json::array();
    for (auto const& map : layer.maps) {
      auto rows = nlohmann::ordered_json::array();
      for (auto at = map.weight.begin(); at != map.weight.end(); at += static_cast<std::ptrdiff_t>(map.inputs))
        rows.push_back(std::vector<float>(at, at + static_cast<std::ptrdiff_t>(map.inputs)));
      maps.push_back({{"weight", std::move(rows)}, {"bias", map.bias}});
    }
    layers.push_back({{"layer", layer.layer}, {"relu", layer.relu}, {"maps", std::move(maps)}});
  }
  return {{"layers", std::move(layers)}};
}

/// Writes a predictor's file, all of it or nothing.
inline void write_predictor(std::filesystem::path const& path, score::head_predictor const& predictor) {
  write_text(path, json_text(to_json(predictor)) + "\n");
}

}  // namespace headcount::v0::reference
