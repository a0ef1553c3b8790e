#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/mapped_file.hpp>

namespace headcount::v0::evaluate {

/// A record of a CSV file and where it begins, for errors.
struct csv_record {
  std::string what{};  ///< "FILE, line N"
  std::vector<std::string> fields{};
};

/// Reads comma-separated values: fields in double quotes may hold commas, line ends and, doubled, quotes. Lines end in
/// LF or CRLF, and empty ones are passed over; spaces belong to their field. Throws headcount::error that names the
/// line where a quote stands in a field without quotes, something follows a closing quote, or the text ends inside
/// quotes. Source: RFC 4180, section 2; without a header.
[[nodiscard]] inline std::vector<csv_record> parse_csv(std::string_view what, std::string_view text) {
  std::vector<csv_record> records;
  std::size_t line = 1;
  std::size_t at = 0;
  auto const name = [&] { return text_of(what, ", line ", line); };
  auto const end_of_line = [&] {
    if (text.substr(at).starts_with("\r\n")) return std::size_t{2};
    return std::size_t{at < text.size() && text[at] == '\n' ? 1u : 0u};
  };
  while (at < text.size()) {
    csv_record record{.what = name()};
    for (bool more = true; more;) {
      std::string field;
      if (text[at] == '"') {
        auto const opened = name();
        for (++at;; ++at) {
          if (at == text.size()) throw error{opened, "a quote is not closed"};
          if (text[at] == '\n') ++line;
          if (text[at] != '"') field += text[at];
          else if (at + 1 < text.size() && text[at + 1] == '"') field += text[at++];
          else break;
        }
        ++at;
      } else {
        for (; at < text.size() && text[at] != ',' && end_of_line() == 0; ++at) {
          if (text[at] == '"') throw error{name(), "a quote stands inside a field without quotes", "\"\" in quotes"};
          field += text[at];
        }
      }
      record.fields.push_back(std::move(field));
      auto const end = end_of_line();
      more = at < text.size() && text[at] == ',';
      if (!more && end == 0 && at < text.size())
        throw error{name(), "something follows a closing quote", "a comma or the line's end"};
      at += more ? 1 : end;
      if (more && at == text.size()) record.fields.emplace_back(), more = false;
    }
    ++line;
    if (record.fields.size() == 1 && record.fields[0].empty()) continue;
    records.push_back(std::move(record));
  }
  return records;
}

/// The same from a file.
[[nodiscard]] inline std::vector<csv_record> read_csv(std::filesystem::path const& path) {
  reference::mapped_file const file{path};
  return parse_csv(path.string(), file.text(path.string()));
}

}  // namespace headcount::v0::evaluate
