#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>

namespace headcount::v0::reference {

/// Reads a config.json. transformers 4 wrote infinities as Python does, which is no JSON: outside of strings,
/// `Infinity` becomes {"__float__": "Infinity"}, as transformers 5 writes it. Throws headcount::error as parse_json
/// does.
[[nodiscard]] inline nlohmann::json parse_config(std::string const& name, std::string_view text) {
  constexpr std::string_view infinity = "Infinity";
  std::string json;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (!quoted && text.substr(at).starts_with(infinity)) {
      json += R"({"__float__": "Infinity"})";
      at += infinity.size() - 1;
      continue;
    }
    json += text[at];
    if (quoted && text[at] == '\\' && at + 1 < text.size()) json += text[++at];
  }
  return parse_json(name, json);
}

/// The same of a file; throws, too, where it cannot be read.
[[nodiscard]] inline nlohmann::json read_config_json(std::filesystem::path const& path) {
  mapped_file const file{path};
  auto const bytes = file.bytes();
  return parse_config(path.string(), {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
}

/// Reads typed values out of a JSON object, and says which file and which key when one is not as it should be.
/// A key that is null counts as absent.
class config_reader {
 public:
  config_reader(std::string file, nlohmann::json const& object) : file_{std::move(file)}, object_{object} {
    if (!object_.is_object()) throw error{file_, "it is no JSON object", "{...}"};
  }

  [[nodiscard]] bool has(char const* key) const { return object_.contains(key) && !object_[key].is_null(); }

  /// Whether a key is there and says null.
  [[nodiscard]] bool is_null(char const* key) const { return object_.contains(key) && object_[key].is_null(); }

  /// Whether a key holds exactly this string.
  [[nodiscard]] bool is(char const* key, char const* value) const {
    return object_.contains(key) && object_[key] == value;
  }

  /// A whole number of at least `least`, and not absurdly large; `otherwise` when absent.
  [[nodiscard]] std::size_t count(char const* key, std::optional<std::size_t> otherwise = std::nullopt,
                                  std::size_t least = 1) const {
    constexpr std::size_t most = 1u << 24;
    if (!has(key)) return require(key, otherwise);
    auto const& value = object_[key];
    if (!value.is_number_unsigned() || value.get<std::size_t>() < least || value.get<std::size_t>() > most)
      fail(key, text_of("a whole number from ", least, " to ", most));
    return value.get<std::size_t>();
  }

  /// A finite number; `otherwise` when absent.
  [[nodiscard]] double number(char const* key, std::optional<double> otherwise = std::nullopt) const {
    if (!has(key)) return require(key, otherwise);
    if (!object_[key].is_number() || !std::isfinite(object_[key].get<double>())) fail(key, "a number");
    return object_[key].get<double>();
  }

  /// Numbers, `count` of them where it is not 0; `otherwise` when absent. They may be infinite, as transformers 5
  /// writes it: {"__float__": "Infinity"}.
  [[nodiscard]] std::vector<double> numbers(char const* key, std::vector<double> otherwise,
                                            std::size_t count = 0) const {
    if (!has(key)) return otherwise;
    if (!object_[key].is_array() || (count > 0 && object_[key].size() != count))
      fail(key, count > 0 ? text_of("a list of ", count, " numbers") : "a list of numbers");
    std::vector<double> values;
    for (auto const& value : object_[key]) {
      bool const infinite = value.is_object() && value.value("__float__", nlohmann::json{}) == "Infinity";
      if (!infinite && !value.is_number()) fail(key, R"(numbers, or {"__float__": "Infinity"})");
      values.push_back(infinite ? std::numeric_limits<double>::infinity() : value.get<double>());
    }
    return values;
  }

  /// Whole numbers from 0, at most 2^24; `otherwise` when absent.
  [[nodiscard]] std::vector<std::size_t> counts(char const* key, std::vector<std::size_t> otherwise) const {
    if (!has(key)) return otherwise;
    if (!object_[key].is_array()) fail(key, "a list of whole numbers");
    std::vector<std::size_t> values;
    for (auto const& value : object_[key]) {
      if (!value.is_number_unsigned() || value.get<std::size_t>() > 1u << 24) fail(key, "a list of whole numbers");
      values.push_back(value.get<std::size_t>());
    }
    return values;
  }

  [[nodiscard]] bool flag(char const* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!object_[key].is_boolean()) fail(key, "true or false");
    return object_[key].get<bool>();
  }

  [[nodiscard]] std::string text(char const* key, std::optional<std::string> otherwise = std::nullopt) const {
    if (!has(key)) return require(key, std::move(otherwise));
    if (!object_[key].is_string()) fail(key, "a string");
    return object_[key].get<std::string>();
  }

  [[nodiscard]] std::vector<std::string> texts(char const* key, std::vector<std::string> otherwise) const {
    if (!has(key)) return otherwise;
    std::vector<std::string> values;
    if (!object_[key].is_array()) fail(key, "a list of strings");
    for (auto const& value : object_[key]) {
      if (!value.is_string()) fail(key, "a list of strings");
      values.push_back(value.get<std::string>());
    }
    return values;
  }

  /// One token id, a list of them, or none.
  [[nodiscard]] std::vector<token> tokens(char const* key) const {
    if (!has(key)) return {};
    auto const list = object_[key].is_array() ? object_[key] : nlohmann::json::array({object_[key]});
    std::vector<token> values;
    for (auto const& value : list) {
      if (!value.is_number_unsigned() || value.get<std::size_t>() > 0x7fffffff)
        fail(key, "a token id, or a list of them");
      values.push_back(value.get<token>());
    }
    return values;
  }

  /// The object under a key; an empty one when absent.
  [[nodiscard]] config_reader section(char const* key) const {
    static nlohmann::json const empty = nlohmann::json::object();
    return {text_of(file_, ", ", key), has(key) ? object_[key] : empty};
  }

  /// Throws headcount::error about a key's value.
  [[noreturn]] void fail(char const* key, std::string const& allowed) const {
    throw error{file_, text_of(key, " = ", object_.contains(key) ? in_short(object_[key]) : "nothing"), allowed};
  }

 private:
  template <class Value>
  [[nodiscard]] Value require(char const* key, std::optional<Value> otherwise) const {
    if (!otherwise) throw error{file_, text_of("the key ", key, " is missing")};
    return *std::move(otherwise);
  }

  std::string file_;
  nlohmann::json const& object_;
};

}  // namespace headcount::v0::reference
