#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0::reference {

/// Whether a path is something that can only be written to as it goes: a pipe, a device, or a file that is open already
/// (/dev/stdout, /dev/fd/3). What lies in memory (/dev/shm) is a file as any other.
[[nodiscard]] inline bool is_stream(std::filesystem::path const& path) {
  std::error_code missing;
  auto const text = std::filesystem::absolute(path, missing).lexically_normal().string();
  bool const is_open = text.starts_with("/proc/") && text.find("/fd/") != text.npos;
  return is_open || (text.starts_with("/dev/") && !text.starts_with("/dev/shm/")) ||
         std::filesystem::is_other(std::filesystem::status(path, missing));
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
  if (!is_stream(at) && ::access(folder.c_str(), W_OK) != 0)
    throw error{path.string(), text_of("cannot be written: ", folder.string(), ": ", std::strerror(errno))};
  if (::access(at.c_str(), W_OK) != 0 && errno != ENOENT)
    throw error{path.string(), text_of("cannot be written: ", std::strerror(errno))};
}

/// Throws headcount::error when an output is one of the files that it is made of, under whatever name.
inline void require_not_input(std::filesystem::path const& output, std::filesystem::path const& input) {
  std::error_code missing;
  if (!is_stream(behind_links(output)) && std::filesystem::equivalent(output, input, missing))
    throw error{output.string(), text_of("it is read, too: as ", input.string()), "an output of its own"};
}

/// Writes bytes to an open file. Returns how many are left, and errno says why; 0 when none is.
[[nodiscard]] inline std::size_t write_all(int file, std::span<std::byte const> bytes) noexcept {
  while (!bytes.empty()) {
    auto const written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) break;
    if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return bytes.size();
}

namespace detail {

/// A file that is open for writing, and closed with this. POSIX, for the reasons that it gives.
class open_file {
 public:
  open_file(std::filesystem::path path, int file) : path_{std::move(path)}, file_{file} {
    if (file_ < 0) fail();
  }
  open_file(open_file const&) = delete;
  open_file& operator=(open_file const&) = delete;
  ~open_file() {
    if (file_ >= 0) ::close(file_);
  }

  void write(std::span<std::byte const> bytes) const {
    if (write_all(file_, bytes) > 0) fail();
  }
  /// Takes over who may read and write the file that stands there, and puts it all on the disk.
  void finish(std::filesystem::path const& target) const {
    struct ::stat there{};
    if (::stat(target.c_str(), &there) == 0) (void)::fchmod(file_, there.st_mode & 07777);
    if (::fsync(file_) != 0 && errno != EINVAL && errno != ENOTSUP) fail();
  }
  void close() {
    if (::close(std::exchange(file_, -1)) != 0 && errno != EINTR) fail();
  }

 private:
  [[noreturn]] void fail() const { throw error{path_.string(), text_of("cannot be written: ", std::strerror(errno))}; }

  std::filesystem::path path_;
  int file_;
};

}  // namespace detail

/// A name in the folder of a file that nothing has: of what is to take the file's name.
[[nodiscard]] inline std::filesystem::path temporary_beside(std::filesystem::path const& target) {
  std::random_device random;
  std::error_code problem;
  while (true) {
    auto made = target.parent_path() / text_of(".headcount-", random(), "-", random(), ".part");
    if (!std::filesystem::exists(std::filesystem::symlink_status(made, problem))) return made;
  }
}

/// Writes a file, all of it or nothing: to a temporary file beside it, which then takes its name and its permissions.
/// Of two that write at once one is there whole. Links are followed; what is no file, as a pipe, is written to as it
/// is. `fill(write)` calls `write(bytes)` as often as it likes. Throws headcount::error, with the reason, when the file
/// cannot be written; what stood there before then still does.
template <class Fill>
void write_file(std::filesystem::path const& path, Fill const& fill) {
  auto const target = behind_links(path);
  if (is_stream(target)) {
    detail::open_file stream{path, ::open(target.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
    fill([&](std::span<std::byte const> bytes) { stream.write(bytes); });
    return stream.close();
  }
  std::error_code problem;
  if (std::filesystem::is_directory(target, problem)) throw error{path.string(), "cannot be written: it is a folder"};
  auto const temporary = temporary_beside(target);
  detail::open_file file{path, ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  try {
    fill([&](std::span<std::byte const> bytes) { file.write(bytes); });
    file.finish(target);
    file.close();
    std::filesystem::rename(temporary, target, problem);
    if (problem) throw error{path.string(), text_of("cannot be written: ", problem.message())};
  } catch (...) {
    std::filesystem::remove(temporary, problem);
    throw;
  }
}

/// Writes a text file, all of it or nothing.
inline void write_text(std::filesystem::path const& path, std::string_view text) {
  write_file(path, [&](auto const& write) { write(std::as_bytes(std::span{text})); });
}

}  // namespace headcount::v0::reference
