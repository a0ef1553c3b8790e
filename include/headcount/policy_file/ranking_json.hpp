#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>

namespace headcount::v0::reference {

/// A ranking out of JSON, `{"scores": [[], [0.5, 0.1], ...], "method": "...", ...}`: a list of scores for every layer,
/// empty for one without attention. What it says of its source may be left out. `file` names it in error messages.
/// Throws headcount::error when it is no ranking.
[[nodiscard]] inline ranking parse_ranking(std::string const& file, nlohmann::json const& json) {
  static constexpr auto form = "{\"scores\": [[], [0.5, 0.1, ...], ...], ...}, a list a layer, empty without attention";
  config_reader const read{file, json};
  if (!json.contains("scores") || !json["scores"].is_array()) throw error{file, "it has no list \"scores\"", form};
  ranking result;
  for (auto const& layer : json["scores"]) {
    auto const where = text_of(file, ", scores[", result.scores.size(), "]");
    if (!layer.is_array()) throw error{where, text_of(in_short(layer), " is no list"), form};
    if (layer.size() > head_set::capacity())
      throw error{where, text_of("it has ", layer.size(), " heads"), text_of("at most ", head_set::capacity())};
    auto& scores = result.scores.emplace_back();
    for (auto const& score : layer) {
      if (!score.is_number() || !std::isfinite(score.get<double>()))
        throw error{text_of(where, "[", scores.size(), "]"), text_of(in_short(score), " is no score"),
                    "a finite number"};
      scores.push_back(score.get<double>());
    }
  }
  if (result.heads() == 0) throw error{file, "it ranks no head", form};
  result.source = {.method = read.text("method", ""),
                   .model = read.text("model", ""),
                   .model_identity = read.text("model_identity", ""),
                   .data = read.text("data", ""),
                   .data_identity = read.text("data_identity", ""),
                   .seed = 0,
                   .version = read.text("version", "")};
  if (read.has("seed")) {
    if (!json["seed"].is_number_unsigned()) read.fail("seed", "a whole number from 0");
    result.source.seed = json["seed"].get<std::uint64_t>();
  }
  return result;
}

/// Reads a ranking's file. Throws headcount::error when it cannot be read or is no ranking.
[[nodiscard]] inline ranking read_ranking(std::filesystem::path const& path) {
  return parse_ranking(path.string(), read_json(path));
}

/// A ranking as JSON, which parse_ranking reads back as the same one but for its stability, which is for people.
[[nodiscard]] inline nlohmann::ordered_json to_json(ranking const& of) {
  nlohmann::ordered_json json{{"method", of.source.method},
                              {"model", of.source.model},
                              {"model_identity", of.source.model_identity},
                              {"data", of.source.data},
                              {"data_identity", of.source.data_identity},
                              {"seed", of.source.seed},
                              {"version", of.source.version}};
  if (auto const& stability = of.source.stability) {
    auto best = nlohmann::ordered_json::array();
    for (auto const& one : stability->overlap) best.push_back({{"k", one.k}, {"overlap", one.share}});
    json["stability"] = {{"texts", stability->texts},
                         {"kendall_tau_b", stability->tau},  // null where there is no order
                         {"p", stability->p},
                         {"best_k", std::move(best)}};
  }
  json["scores"] = of.scores;
  return json;
}

/// Writes a ranking's file, all of it or nothing.
inline void write_ranking(std::filesystem::path const& path, ranking const& of) {
  write_text(path, json_text(to_json(of), 1) + "\n");
}

}  // namespace headcount::v0::reference
