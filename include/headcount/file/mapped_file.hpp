#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

namespace headcount::v0::reference {

/// A file seen as memory, read only: pages come in when they are touched; what is no regular file, as a pipe, is read
/// whole. Neither copied nor moved; share a pointer.
class mapped_file {
 public:
  /// Throws headcount::error when the file cannot be read.
  explicit mapped_file(std::filesystem::path const& path) {
    std::error_code problem;
    auto const kind = std::filesystem::status(path, problem).type();
    if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character ||
        kind == std::filesystem::file_type::socket) {
      std::ifstream stream{path, std::ios::binary};
      read_.assign(std::istreambuf_iterator<char>{stream}, {});
      if (!stream.good() && !stream.eof()) throw error{path.string(), "cannot be read"};
      return;
    }
    auto const size = std::filesystem::file_size(path, problem);
    if (problem) throw error{path.string(), text_of("cannot be read: ", problem.message())};
    if (size == 0) return;
    try {
      boost::interprocess::file_mapping const file{path.c_str(), boost::interprocess::read_only};
      region_ = boost::interprocess::mapped_region{file, boost::interprocess::read_only};
    } catch (boost::interprocess::interprocess_exception const& failure) {
      throw error{path.string(), text_of("cannot be read: ", failure.what())};
    }
  }
  mapped_file(mapped_file const&) = delete;
  mapped_file& operator=(mapped_file const&) = delete;

  [[nodiscard]] std::span<std::byte const> bytes() const noexcept {
    if (!read_.empty()) return std::as_bytes(std::span{read_});
    return {static_cast<std::byte const*>(region_.get_address()), region_.get_size()};
  }

 private:
  boost::interprocess::mapped_region region_;
  std::vector<char> read_{};
};

}  // namespace headcount::v0::reference
