#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/reference/parallel.hpp>
#include <headcount/result/parse_row.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

/// Reads a result file: a row a line; lines without a sign are passed over, and so is a last line that was cut off
/// while it was written. On several threads. Throws headcount::error that names the first line that is no row.
[[nodiscard]] inline std::vector<row> read_rows(std::filesystem::path const& path) {
  reference::mapped_file const file{path};
  std::string_view rest{reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
  std::vector<std::pair<std::size_t, std::string_view>> lines;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    auto const line = rest.substr(0, rest.find('\n'));
    bool const has_end = line.size() < rest.size();
    rest.remove_prefix((std::min)(line.size() + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    if (has_end || nlohmann::json::accept(line)) lines.emplace_back(number, line);
  }
  constexpr std::size_t lines_at_once = 500;
  auto const parts = (lines.size() + lines_at_once - 1) / lines_at_once;
  std::vector<row> rows(lines.size());
  std::vector<std::exception_ptr> failures(parts);  // the first of each part
  reference::for_each_index(parts, [&](std::size_t part) {
    try {
      for (auto i = part * lines_at_once; i < (std::min)((part + 1) * lines_at_once, lines.size()); ++i)
        rows[i] = parse_row(text_of(path.string(), ", line ", lines[i].first), lines[i].second);
    } catch (...) {
      failures[part] = std::current_exception();
    }
  });
  for (auto const& failure : failures)
    if (failure) std::rethrow_exception(failure);
  return rows;
}

}  // namespace headcount::v0::evaluate
