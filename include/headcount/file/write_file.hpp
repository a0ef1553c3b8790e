#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0::reference {

/// Writes a file, all of it or nothing: to a temporary file beside it, which then takes its name. `fill(write)` calls
/// `write(bytes)` as often as it likes. Throws headcount::error when the file cannot be written; what stood there
/// before then still does.
template <class Fill>
void write_file(std::filesystem::path const& path, Fill const& fill) {
  auto temporary = path;
  temporary += ".part";
  std::error_code ignored;
  try {
    std::ofstream file{temporary, std::ios::binary | std::ios::trunc};
    fill([&](std::span<std::byte const> bytes) {
      file.write(reinterpret_cast<char const*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    });
    file.close();
    if (!file) throw error{path.string(), "cannot be written"};
    std::error_code problem;
    std::filesystem::rename(temporary, path, problem);
    if (problem) throw error{path.string(), text_of("cannot be written: ", problem.message())};
  } catch (...) {
    std::filesystem::remove(temporary, ignored);
    throw;
  }
}

/// Writes a text file, all of it or nothing.
inline void write_text(std::filesystem::path const& path, std::string_view text) {
  write_file(path, [&](auto const& write) { write(std::as_bytes(std::span{text})); });
}

}  // namespace headcount::v0::reference
