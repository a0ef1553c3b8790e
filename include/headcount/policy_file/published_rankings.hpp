#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/read_number.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>

namespace headcount::v0::reference {

/// What a file of another project has to fit: the heads of each layer, none in one without attention, and how many
/// share a key/value head.
struct ranked_heads {
  std::vector<std::size_t> heads{};  ///< [layer]
  std::size_t group = 1;

  /// The layers with attention.
  [[nodiscard]] std::vector<std::size_t> attention() const {
    std::vector<std::size_t> layers;
    for (std::size_t layer = 0; layer < heads.size(); ++layer)
      if (heads[layer] > 0) layers.push_back(layer);
    return layers;
  }
  /// A score for every head.
  [[nodiscard]] std::vector<std::vector<double>> all(double score) const {
    std::vector<std::vector<double>> scores;
    for (auto const count : heads) scores.emplace_back(count, score);
    return scores;
  }
};

/// The text of a file, as it is.
[[nodiscard]] inline std::string read_text(std::filesystem::path const& path) {
  mapped_file const file{path};
  auto const bytes = file.bytes();
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// The head that "L-H" names: a layer among all layers of the model, a head in it. Throws headcount::error when it is
/// none of the model's.
[[nodiscard]] inline std::pair<std::size_t, std::size_t> parse_head(std::string_view what, std::string_view text,
                                                                    ranked_heads const& of) {
  auto const* const allowed = "LAYER-HEAD with a head of this model, e.g. 2-7";
  std::size_t layer = 0;
  std::size_t head = 0;
  auto const* const end = text.data() + text.size();
  auto const [dash, no_layer] = std::from_chars(text.data(), end, layer);
  if (no_layer != std::errc{} || dash == end || *dash != '-')
    throw error{what, text_of(in_quotes(std::string{text}), " is no head"), allowed};
  auto const [rest, no_head] = std::from_chars(dash + 1, end, head);
  if (no_head != std::errc{} || rest != end)
    throw error{what, text_of(in_quotes(std::string{text}), " is no head"), allowed};
  if (layer >= of.heads.size() || head >= of.heads[layer])
    throw error{what, text_of("the model has no head ", head, " in layer ", layer), allowed};
  return {layer, head};
}

/// A finite number of JSON.
[[nodiscard]] inline double number_of(std::string_view what, nlohmann::json const& value) {
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    throw error{what, text_of(in_short(value), " is no score"), "a finite number"};
  return value.get<double>();
}

/// Retrieval_Head's head_score/MODEL.json, {"L-H": [score of a sample, ...], ...}: the mean over samples; 0 for a head
/// that is not listed or has no sample. Throws headcount::error when the file is not so.
/// Source: https://github.com/nightdessert/Retrieval_Head.
[[nodiscard]] inline std::vector<std::vector<double>> read_retrieval_head(std::filesystem::path const& path,
                                                                          ranked_heads const& of) {
  auto const name = path.string();
  auto const json = read_json(path);
  if (!json.is_object() || json.empty()) throw error{name, "it lists no heads", R"({"LAYER-HEAD": [score, ...], ...})"};
  auto scores = of.all(0);
  for (auto const& [key, samples] : json.items()) {
    auto const [layer, head] = parse_head(name, key, of);
    auto const what = text_of(name, ", ", in_quotes(key));
    if (!samples.is_array()) throw error{what, text_of(in_short(samples), " is no list"), "a score a sample"};
    double sum = 0;
    for (auto const& sample : samples) sum += number_of(what, sample);
    if (!samples.empty()) scores[layer][head] = sum / static_cast<double>(samples.size());
  }
  return scores;
}

/// One sample a head: its score.
[[nodiscard]] inline std::string write_retrieval_head(ranking const& of) {
  auto json = nlohmann::ordered_json::object();
  for (std::size_t layer = 0; layer < of.scores.size(); ++layer)
    for (std::size_t head = 0; head < of.scores[layer].size(); ++head)
      json[text_of(layer, "-", head)] = {of.scores[layer][head]};
  return json.dump() + "\n";
}

/// DuoAttention's full_attention_heads.tsv: a line of gates for each layer with attention, a gate for each key/value
/// head; the heads of its group get it, clipped to [0, 1], as training leaves it a little outside. Throws
/// headcount::error when the file is not so.
/// Source: https://github.com/mit-han-lab/duo-attention.
[[nodiscard]] inline std::vector<std::vector<double>> read_duo_attention(std::filesystem::path const& path,
                                                                         ranked_heads const& of) {
  auto const name = path.string();
  auto const text = read_text(path);
  auto const layers = of.attention();
  auto scores = of.all(0);
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size(); ++line) {
    auto const end = (std::min)(text.find('\n', at), text.size());
    std::string_view rest{text.data() + at, end - at};
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    at = end + 1;
    if (rest.empty() && at >= text.size()) break;
    auto const what = text_of(name, ", line ", line + 1);
    if (line >= layers.size())
      throw error{what, text_of("the model has ", layers.size(), " layers with attention"), "a line for each of them"};
    auto const groups = of.heads[layers[line]] / of.group;
    std::size_t group = 0;
    for (bool more = true; more; ++group) {
      auto const tab = rest.find('\t');
      auto const word = rest.substr(0, tab);
      more = tab != rest.npos;
      if (more) rest.remove_prefix(tab + 1);
      double gate = 0;
      if (!read_number(word, gate) || !std::isfinite(gate))
        throw error{what, text_of(in_quotes(std::string{word}), " is no gate"), "numbers between tabs"};
      for (std::size_t head = group * of.group; group < groups && head < (group + 1) * of.group; ++head)
        scores[layers[line]][head] = std::clamp(gate, 0.0, 1.0);
    }
    if (group != groups)
      throw error{what, text_of("it has ", group, " gates, the layer ", groups, " key/value heads"), "a gate for each"};
  }
  if (line != layers.size())
    throw error{name, text_of("it has ", line, " lines, the model ", layers.size(), " layers with attention"),
                "a line for each of them"};
  return scores;
}

/// A gate is the best of its group's scores, clipped to [0, 1].
[[nodiscard]] inline std::string write_duo_attention(ranking const& of, std::size_t group) {
  std::string text;
  for (auto const& layer : of.scores) {
    for (std::size_t first = 0; first < layer.size(); first += group) {
      auto const best = *std::max_element(layer.begin() + static_cast<std::ptrdiff_t>(first),
                                          layer.begin() + static_cast<std::ptrdiff_t>(first + group));
      text += nlohmann::json(std::clamp(best, 0.0, 1.0)).dump() + (first + group < layer.size() ? "\t" : "\n");
    }
  }
  return text;
}

/// QRHead's heads, in any of its repository's forms: a list "L-H,L-H,...", best first, alone or under `attn_head_set`
/// of a YAML configuration; or the detection's JSON, [["L-H", score], ...]. The first of a list of n scores n, the last
/// 1; in JSON scores are as they are. Heads that are not there score 0, or the lowest score if that is less. Throws
/// headcount::error when the file is not so.
/// Source: https://github.com/princeton-pli/QRHead.
[[nodiscard]] inline std::vector<std::vector<double>> read_qr_head(std::filesystem::path const& path,
                                                                   ranked_heads const& of) {
  auto const name = path.string();
  auto const text = read_text(path);
  std::vector<std::pair<std::string, std::optional<double>>> listed;
  if (auto const first = text.find_first_not_of(" \n\r\t"); first != text.npos && text[first] == '[') {
    for (auto const& entry : parse_json(name, text)) {
      if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string())
        throw error{name, text_of(in_short(entry), " is no head with its score"), "[[\"2-7\", 0.8], ...]"};
      listed.emplace_back(entry[0].get<std::string>(), number_of(text_of(name, ", ", in_short(entry)), entry[1]));
    }
  } else {
    constexpr std::string_view key = "attn_head_set:";
    auto const at = text.find(key);
    std::string_view rest = at == text.npos ? text : std::string_view{text}.substr(at + key.size());
    rest = rest.substr(0, at == text.npos ? rest.npos : rest.find_first_of("\n#"));
    auto const trim = [](std::string_view word) {
      constexpr auto around = " \t\n\r\"'";
      auto const begin = (std::min)(word.find_first_not_of(around), word.size());
      return word.substr(begin, word.find_last_not_of(around) + 1 - begin);
    };
    rest = trim(rest);
    for (bool more = true; more;) {
      auto const comma = rest.find(',');
      listed.emplace_back(trim(rest.substr(0, comma)), std::nullopt);
      more = comma != rest.npos;
      if (more) rest.remove_prefix(comma + 1);
    }
  }
  double least = 0;
  for (auto const& [word, score] : listed) least = (std::min)(least, score.value_or(0));
  auto scores = of.all(least);
  std::vector<std::pair<std::size_t, std::size_t>> seen;
  for (auto const& [word, score] : listed) {
    seen.push_back(parse_head(name, word, of));
    if (std::find(seen.begin(), seen.end() - 1, seen.back()) != seen.end() - 1)
      throw error{name, text_of("head ", in_quotes(word), " is there twice"), "each head once"};
    scores[seen.back().first][seen.back().second] =
        score.value_or(static_cast<double>(listed.size() + 1 - seen.size()));
  }
  return scores;
}

/// Every head, best first; of equal scores the lowest layer and head.
[[nodiscard]] inline std::string write_qr_head(ranking const& of) {
  std::vector<std::pair<std::size_t, std::size_t>> heads;
  for (std::size_t layer = 0; layer < of.scores.size(); ++layer)
    for (std::size_t head = 0; head < of.scores[layer].size(); ++head) heads.emplace_back(layer, head);
  std::ranges::sort(heads, {}, [&](auto const& at) { return std::pair{-of.scores[at.first][at.second], at}; });
  std::string text;
  for (auto const& [layer, head] : heads) add_to_list(text, text_of(layer, "-", head), ",");
  return text + "\n";
}

/// MInference's search result, [{"HEAD": [pattern, size, size, score], ...}, ...], an object for each layer with
/// attention: the score, attention mass that the pattern keeps. A head that is not listed scores 0. Throws
/// headcount::error when the file is not so.
/// Source: https://github.com/microsoft/MInference.
[[nodiscard]] inline std::vector<std::vector<double>> read_minference(std::filesystem::path const& path,
                                                                      ranked_heads const& of) {
  auto const name = path.string();
  auto const json = read_json(path);
  auto const layers = of.attention();
  auto const* const form =
      R"([{"0": ["vertical_and_slash", 1000, 6096, score], ...}, ...], one for each attention layer)";
  if (!json.is_array() || json.size() != layers.size())
    throw error{name, text_of("it is no list of ", layers.size(), " layers"), form};
  auto scores = of.all(0);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto const what = text_of(name, "[", i, "]");
    if (!json[i].is_object()) throw error{what, text_of(in_short(json[i]), " is no object of heads"), form};
    for (auto const& [key, pattern] : json[i].items()) {
      auto const [layer, head] = parse_head(what, text_of(layers[i], "-", key), of);
      if (!pattern.is_array() || pattern.size() != 4 || !pattern[0].is_string())
        throw error{text_of(what, ", ", in_quotes(key)), text_of(in_short(pattern), " is no pattern"), form};
      scores[layer][head] = number_of(text_of(what, ", ", in_quotes(key)), pattern[3]);
    }
  }
  return scores;
}

/// Every head gets the pattern that version 1 of MInference falls back on, "vertical_and_slash" with 1000 and 6096: a
/// ranking has no patterns.
[[nodiscard]] inline std::string write_minference(ranking const& of) {
  auto json = nlohmann::ordered_json::array();
  for (auto const& layer : of.scores) {
    if (layer.empty()) continue;
    auto& heads = json.emplace_back(nlohmann::ordered_json::object());
    for (std::size_t head = 0; head < layer.size(); ++head)
      heads[text_of(head)] = {"vertical_and_slash", 1000, 6096, layer[head]};
  }
  return json.dump() + "\n";
}

}  // namespace headcount::v0::reference
