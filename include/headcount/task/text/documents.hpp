#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/list_files.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/file/utf8.hpp>
#include <headcount/task/json_lines.hpp>

namespace headcount::v0::evaluate {

/// A text and its name.
struct document {
  std::string name{};
  std::string what{};  ///< where it was read, for errors
  std::string text{};
};

/// Reads documents: the files of a folder, sorted by name, hidden ones left out; the lines {"text"} of a .jsonl file;
/// or a file as one. Throws headcount::error when there is none.
[[nodiscard]] inline std::vector<document> read_documents(std::filesystem::path const& path) {
  std::vector<document> documents;
  auto const add_file = [&](std::filesystem::path const& file) {
    reference::mapped_file const mapped{file};
    documents.push_back({.name = reference::escaped_utf8(file.filename().string()),
                         .what = file.string(),
                         .text = std::string{mapped.text(file.string())}});
  };
  if (std::filesystem::is_directory(path)) {
    for (auto const& one : list_files(path, "", "a folder of texts")) add_file(one);
  } else if (path.extension() == ".jsonl") {
    for (auto const& [what, line] : read_json_lines(path)) {
      if (!line.contains("text") || !line["text"].is_string())
        throw error{what, "it has no \"text\", or one that is no text", R"({"text": text})"};
      documents.push_back({.name = text_of(documents.size()), .what = what, .text = line["text"].get<std::string>()});
    }
  } else {
    add_file(path);
  }
  if (documents.empty()) throw error{path.string(), "there is no file in it", "a folder of texts"};
  return documents;
}

}  // namespace headcount::v0::evaluate
