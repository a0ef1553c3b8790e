#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/mapped_file.hpp>

namespace headcount::v0::reference {

/// JSON as text, with `indent` blanks a level, on one line where it is -1; what is no UTF-8 becomes U+FFFD.
template <class Json>
[[nodiscard]] std::string json_text(Json const& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// A name out of a file, for error messages: in quotes and on one line, whatever it is made of.
[[nodiscard]] inline std::string in_quotes(std::string const& name) { return json_text(nlohmann::json(name)); }

/// A value for error messages: on one line, and its beginning where it is long.
[[nodiscard]] inline std::string in_short(nlohmann::json const& value) {
  constexpr std::size_t longest = 100;
  auto text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > longest) text.replace(longest, text.npos, "...");
  return text;
}

/// Lists and objects that may stand in each other.
inline constexpr std::size_t deepest_json = 64;

[[noreturn]] inline void fail_on_depth(std::string_view what) {
  throw error{what, text_of("it is nested more than ", deepest_json, " levels deep")};
}

/// Throws headcount::error with the parser's message, on one line.
[[noreturn]] inline void fail_on_json(std::string_view what, std::exception const& failure) {
  std::string_view message = failure.what();
  if (auto const tag = message.find("] "); tag != std::string_view::npos) message.remove_prefix(tag + 2);
  throw error{what, text_of("malformed JSON: ", message)};
}

/// Throws headcount::error where text has a zero byte, which the parser would take for its end.
inline void fail_on_zero(std::string_view what, std::string_view text) {
  if (auto const zero = text.find('\0'); zero != text.npos)
    throw error{what, text_of("malformed JSON: byte ", zero, " is 0")};
}

/// Reads JSON text. Throws headcount::error, on one line, where it is malformed, an object has a key twice, or lists
/// and objects are nested so deep that no honest file is. `Json` is nlohmann's, or its kind that keeps the keys' order.
template <class Json = nlohmann::json>
  requires(std::same_as<Json, nlohmann::json> || std::same_as<Json, nlohmann::ordered_json>)
[[nodiscard]] Json parse_json(std::string_view what, std::string_view text) {
  fail_on_zero(what, text);
  std::vector<std::set<std::string, std::less<>>> keys;
  using event_type = typename Json::parse_event_t;
  auto const check = [&](int depth, event_type event, Json& parsed) {
    if (depth > static_cast<int>(deepest_json)) fail_on_depth(what);
    if (event == event_type::object_start) keys.emplace_back();
    if (event == event_type::object_end) keys.pop_back();
    if (event == event_type::key && !keys.back().insert(parsed.template get<std::string>()).second)
      throw error{what, text_of("the key ", in_quotes(parsed.template get<std::string>()), " is there twice")};
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (nlohmann::json::exception const& failure) {
    fail_on_json(what, failure);
  }
}

/// Reads a JSON file. Throws headcount::error, on one line, where it cannot be read or is malformed.
[[nodiscard]] inline nlohmann::json read_json(std::filesystem::path const& path) {
  mapped_file const file{path};
  auto const bytes = file.bytes();
  return parse_json(path.string(), {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
}

}  // namespace headcount::v0::reference
