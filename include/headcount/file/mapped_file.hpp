#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/stat.h>

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0::reference {

/// A file seen as memory, read only: pages come in when they are touched; what is no regular file, as a pipe, is read
/// whole. A pointer that Git LFS left is not taken for the file. Neither copied nor moved; share a pointer.
class mapped_file {
 public:
  /// Throws headcount::error when the file cannot be read.
  explicit mapped_file(std::filesystem::path const& path) {
    std::error_code problem;
    auto const kind = std::filesystem::status(path, problem).type();
    if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character ||
        kind == std::filesystem::file_type::socket) {
      read_ = read_stream(path, kind == std::filesystem::file_type::fifo);
      return;
    }
    if (kind == std::filesystem::file_type::not_found && std::filesystem::is_symlink(path, problem))
      throw error{path.string(), text_of("it is a link to ", std::filesystem::read_symlink(path, problem).string(),
                                         ", and nothing is there")};
    auto const size = std::filesystem::file_size(path, problem);
    if (problem) throw error{path.string(), text_of("cannot be read: ", problem.message())};
    if (size == 0) return;
    try {
      boost::interprocess::file_mapping const file{path.c_str(), boost::interprocess::read_only};
      region_ = boost::interprocess::mapped_region{file, boost::interprocess::read_only};
    } catch (boost::interprocess::interprocess_exception const& failure) {
      throw error{path.string(), text_of("cannot be read: ", failure.what())};
    }
    constexpr std::string_view pointer = "version https://git-lfs.github.com/spec/";
    if (std::string_view{static_cast<char const*>(region_.get_address()), size}.starts_with(pointer))
      throw error{path.string(), "it is Git LFS's pointer to a file, and not the file", "the file: git lfs pull"};
  }
  mapped_file(mapped_file const&) = delete;
  mapped_file& operator=(mapped_file const&) = delete;

  [[nodiscard]] std::span<std::byte const> bytes() const noexcept {
    if (read_) return std::as_bytes(std::span{*read_});
    return {static_cast<std::byte const*>(region_.get_address()), region_.get_size()};
  }

  /// The bytes as text, without the mark that a UTF-8 file may begin with. `what` names the file in errors. Throws
  /// headcount::error where they begin as UTF-16 does.
  [[nodiscard]] std::string_view text(std::string_view what) const {
    std::string_view all{reinterpret_cast<char const*>(bytes().data()), bytes().size()};
    if (all.starts_with("\xff\xfe") || all.starts_with("\xfe\xff")) throw error{what, "it is UTF-16", "UTF-8"};
    if (all.starts_with("\xef\xbb\xbf")) all.remove_prefix(3);
    return all;
  }

 private:
  using content = std::shared_ptr<std::vector<char> const>;

  /// Reads to the end. A pipe is empty when it is read a second time: what was in it is kept, and there again for
  /// whoever asks before somebody writes to it anew.
  [[nodiscard]] static content read_stream(std::filesystem::path const& path, bool is_pipe) {
    static std::mutex one_at_a_time;
    static std::map<std::array<std::int64_t, 4>, content> kept;  // by device, number and last change
    auto const state = [&] {
      struct ::stat now{};
      if (::stat(path.c_str(), &now) != 0) throw error{path.string(), "cannot be read"};
      return std::array<std::int64_t, 4>{static_cast<std::int64_t>(now.st_dev), static_cast<std::int64_t>(now.st_ino),
                                         now.st_ctim.tv_sec, now.st_ctim.tv_nsec};
    };
    std::lock_guard const hold{one_at_a_time};
    if (is_pipe)
      if (auto const found = kept.find(state()); found != kept.end()) return found->second;
    std::ifstream stream{path, std::ios::binary};
    auto const read =
        std::make_shared<std::vector<char>>(std::istreambuf_iterator<char>{stream}, std::istreambuf_iterator<char>{});
    if (!stream.good() && !stream.eof()) throw error{path.string(), "cannot be read"};
    if (is_pipe && !read->empty()) kept[state()] = read;
    return read;
  }

  boost::interprocess::mapped_region region_;
  std::shared_ptr<std::vector<char> const> read_{};
};

}  // namespace headcount::v0::reference
