#pragma once

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0 {

/// The regular files of a folder whose names end in `ending`, sorted by name, so that the order is the same everywhere.
/// Hidden files and what editors leave (names that end in a tilde, or stand between number signs) are left out. Throws
/// headcount::error when the folder cannot be read, or one of them is a link to nothing; `form` says what it should be.
[[nodiscard]] inline std::vector<std::filesystem::path> list_files(std::filesystem::path const& folder,
                                                                   std::string_view ending, std::string_view form) {
  std::error_code problem;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at{folder, problem}, end; !problem && at != end; at.increment(problem)) {
    auto const name = at->path().filename().string();
    if (name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))) continue;
    if (!name.ends_with(ending)) continue;
    std::error_code missing;
    auto const kind = at->status(missing).type();
    if (kind == std::filesystem::file_type::regular) files.push_back(at->path());
    if (kind == std::filesystem::file_type::not_found) throw error{at->path().string(), "it is a link to nothing"};
  }
  if (problem) throw error{folder.string(), text_of("cannot be read: ", problem.message()), std::string{form}};
  std::ranges::sort(files);
  return files;
}

}  // namespace headcount::v0
