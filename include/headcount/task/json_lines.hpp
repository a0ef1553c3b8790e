#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>

namespace headcount::v0::evaluate {

/// A line of a file and where it stands, for errors.
struct json_line {
  std::string what{};  ///< "FILE, line N"
  nlohmann::json value{};
};

/// Reads a file of JSON objects, one a line; lines without a sign are passed over.
/// Throws headcount::error that names the line that is no object, or the file when it has none.
[[nodiscard]] inline std::vector<json_line> read_json_lines(std::filesystem::path const& path) {
  reference::mapped_file const file{path};
  auto rest = file.text(path.string());
  std::vector<json_line> lines;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    auto const line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix((std::min)(line.size() + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    auto what = text_of(path.string(), ", line ", number);
    auto value = reference::parse_json(what, line);
    if (!value.is_object()) throw error{what, text_of(reference::in_short(value), " is no object"), "{...}"};
    lines.push_back({std::move(what), std::move(value)});
  }
  if (lines.empty()) throw error{path.string(), "it has no line", "a JSON object a line"};
  return lines;
}

}  // namespace headcount::v0::evaluate
