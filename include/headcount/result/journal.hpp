#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/result/checksummed_row.hpp>
#include <headcount/result/row.hpp>

namespace headcount::v0::evaluate {

/// What a file of checksummed rows holds.
struct journal_content {
  std::vector<row> rows{};
  std::size_t good_bytes = 0;  ///< up to the end of the last whole line
  bool torn = false;           ///< the file ends in a line that was cut off while it was written
};

/// Reads checksummed rows. A last line without its end was cut off and is no row. Throws headcount::error that names
/// the line when another was damaged.
[[nodiscard]] inline journal_content read_journal(std::filesystem::path const& path) {
  journal_content content;
  reference::mapped_file const file{path};
  std::string_view const text{reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
  for (std::size_t number = 1; content.good_bytes < text.size(); ++number) {
    auto const end = text.find('\n', content.good_bytes);
    content.torn = end == text.npos;
    if (content.torn) break;
    auto const line = text.substr(content.good_bytes, end - content.good_bytes);
    content.rows.push_back(parse_checksummed(text_of(path.string(), ", line ", number), line));
    content.good_bytes = end + 1;
  }
  return content;
}

/// Throws headcount::error unless a file is empty or begins as a row does, whole or torn: it is no file of rows, and
/// not to be written over.
inline void require_rows(std::filesystem::path const& path) {
  if (std::filesystem::file_size(path) == 0) return;
  constexpr std::string_view begin = R"({"model":)";
  reference::mapped_file const file{path};
  std::string_view const text{reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
  if (text.substr(0, begin.size()) != begin.substr(0, text.size()))
    throw error{path.string(), "it holds something else than result rows", "a file of rows, or a new one"};
}

/// A result file that is written row by row and survives being killed: rows are appended by one write a prompt, with
/// their checksums, and are on the disk when `append` returns. Opening it again goes on where it ended. One process
/// has it at a time, where the file system has locks; its threads may append at once. A pipe or a device gets the rows
/// and is never read. POSIX.
class journal {
 public:
  /// Opens a file, or makes it. Its rows are kept, and a torn last line is cut off; `fresh` throws them away. Throws
  /// headcount::error when it cannot be written, another process has it, a line was damaged, or it holds something else
  /// than rows, which then stays as it is.
  explicit journal(std::filesystem::path path, bool fresh = false) : path_{std::move(path)} {
    is_stream_ = reference::is_stream(path_);
    open();
    if (is_stream_) return;
    try {
      lock();
      while (is_replaced()) {  // another run put its merged rows there between our opening and locking
        ::close(file_);
        open();
        lock();
      }
      require_rows(path_);
      journal_content content;
      if (!fresh) content = read_journal(path_);
      for (auto& one : content.rows) keys_.insert(key_of(one));
      rows_ = std::move(content.rows);
      if (::ftruncate(file_, static_cast<off_t>(content.good_bytes)) != 0) fail("cannot be written");
    } catch (...) {
      if (file_ >= 0) ::close(file_);
      throw;
    }
  }
  ~journal() { ::close(file_); }
  journal(journal const&) = delete;
  journal& operator=(journal const&) = delete;

  /// The rows that were there when it was opened.
  [[nodiscard]] std::vector<row> const& rows() const noexcept { return rows_; }

  /// Whether it is a pipe or a device, which cannot be gone on with.
  [[nodiscard]] bool is_stream() const noexcept { return is_stream_; }
  /// Whether other processes are kept from it: some network file systems have no locks.
  [[nodiscard]] bool is_locked() const noexcept { return !is_stream_ && unlocked_ == 0; }
  /// Why they are not; empty where they are.
  [[nodiscard]] std::string unlocked_reason() const { return unlocked_ == 0 ? "" : std::strerror(unlocked_); }

  /// Whether a row with this key was there when it was opened.
  [[nodiscard]] bool has(std::string const& key) const { return keys_.contains(key); }

  /// Adds rows. Throws headcount::error when they cannot be written; then none of them is there.
  void append(std::span<row const> rows) {
    std::string text;
    for (auto const& one : rows) text += print_checksummed(one) + "\n";
    std::lock_guard const one_at_a_time{writing_};
    if (auto const left = reference::write_all(file_, std::as_bytes(std::span{text})); left > 0) {
      auto const reason = errno;
      if (!is_stream_ && left < text.size()) take_back(text.size() - left);
      errno = reason;
      fail("cannot be written");
    }
    if (::fdatasync(file_) != 0 && errno != EINVAL) fail("cannot be written");  // EINVAL: no disk, as a pipe
  }

 private:
  void open() {
    file_ = ::open(path_.c_str(), (is_stream_ ? O_WRONLY : O_RDWR | O_CREAT) | O_APPEND | O_CLOEXEC, 0666);
    if (file_ < 0) fail("cannot be written");
  }
  void lock() {
    while ((unlocked_ = ::flock(file_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno) == EINTR) {
    }
    if (unlocked_ == EWOULDBLOCK)
      throw error{path_.string(), "another run is writing it", "a file of its own for every run"};
  }
  /// Whether the path leads to another file than the one that is open.
  [[nodiscard]] bool is_replaced() const {
    struct ::stat opened{};
    struct ::stat named{};
    if (::fstat(file_, &opened) != 0) fail("cannot be written");
    return ::stat(path_.c_str(), &named) != 0 || opened.st_ino != named.st_ino || opened.st_dev != named.st_dev;
  }

  /// Cuts off the beginning of rows, so that others may still be added.
  void take_back(std::size_t bytes) noexcept {
    auto const end = ::lseek(file_, 0, SEEK_END);
    if (end >= static_cast<off_t>(bytes)) (void)!::ftruncate(file_, end - static_cast<off_t>(bytes));
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw error{path_.string(), text_of(what, ": ", std::strerror(errno))};
  }

  std::filesystem::path path_;
  int file_ = -1;
  bool is_stream_ = false;
  int unlocked_ = 0;  ///< the number of the error
  std::vector<row> rows_{};
  std::set<std::string> keys_{};
  std::mutex writing_{};
};

}  // namespace headcount::v0::evaluate
