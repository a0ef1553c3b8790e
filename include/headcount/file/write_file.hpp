#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0::reference {

/// Whether a path is something that can only be written to as it goes, as a pipe or a device.
[[nodiscard]] inline bool is_stream(std::filesystem::path const& path) {
  std::error_code missing;
  return path.string().starts_with("/dev/") || std::filesystem::is_other(std::filesystem::status(path, missing));
}

/// Where writing to a path ends up: the file that links lead to, whether it is there or not.
[[nodiscard]] inline std::filesystem::path behind_links(std::filesystem::path path) {
  std::error_code problem;
  for (int links = 0; links < 40 && !is_stream(path) && std::filesystem::is_symlink(path, problem); ++links)
    path = path.parent_path() / std::filesystem::read_symlink(path, problem);
  return path;
}

/// Throws headcount::error when a file cannot be written there: to be asked before hours of work. Makes nothing.
inline void require_writable(std::filesystem::path const& path) {
  auto const at = behind_links(path);
  std::error_code missing;
  auto const folder = at.has_parent_path() ? at.parent_path() : std::filesystem::path{"."};
  if (std::filesystem::is_directory(at, missing)) throw error{path.string(), "cannot be written: it is a folder"};
  if (!std::filesystem::is_directory(folder, missing))
    throw error{path.string(), text_of("cannot be written: there is no folder ", folder.string())};
  auto const& asked = is_stream(at) ? at : folder;
  if (::access(asked.c_str(), W_OK) != 0) throw error{path.string(), "cannot be written: no permission"};
}

/// Throws headcount::error when an output is one of the files that it is made of, under whatever name.
inline void require_not_input(std::filesystem::path const& output, std::filesystem::path const& input) {
  std::error_code missing;
  if (std::filesystem::equivalent(output, input, missing))
    throw error{output.string(), text_of("it is read, too: as ", input.string()), "an output of its own"};
}

/// Writes a file, all of it or nothing: to a temporary file beside it, which then takes its name. Links are followed;
/// what is no file, as a pipe, is written to as it is. `fill(write)` calls `write(bytes)` as often as it likes. Throws
/// headcount::error when the file cannot be written; what stood there before then still does.
template <class Fill>
void write_file(std::filesystem::path const& path, Fill const& fill) {
  auto const target = behind_links(path);
  bool const streams = is_stream(target);
  auto temporary = target;
  if (!streams) temporary += ".part";
  std::error_code problem;
  try {
    std::ofstream file{temporary, std::ios::binary | (streams ? std::ios::app : std::ios::trunc)};
    fill([&](std::span<std::byte const> bytes) {
      file.write(reinterpret_cast<char const*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    });
    file.close();
    if (!file) throw error{path.string(), "cannot be written"};
    if (!streams) std::filesystem::rename(temporary, target, problem);
    if (problem) throw error{path.string(), text_of("cannot be written: ", problem.message())};
  } catch (...) {
    if (!streams) std::filesystem::remove(temporary, problem);
    throw;
  }
}

/// Writes a text file, all of it or nothing.
inline void write_text(std::filesystem::path const& path, std::string_view text) {
  write_file(path, [&](auto const& write) { write(std::as_bytes(std::span{text})); });
}

}  // namespace headcount::v0::reference
