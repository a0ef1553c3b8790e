#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include <headcount/part/from_file.hpp>

// Files that sentences name, without files: every one holds nothing.

namespace support {

/// Reads any file as content of its default value.
struct empty_files {
  template <class Content>
  [[nodiscard]] Content operator()(std::string const&, std::type_identity<Content>) const {
    return {};
  }
};

/// A field that names such a file.
template <class File>
[[nodiscard]] File some_file(std::string name = "some-file.json") {
  return headcount::in_memory(std::move(name), typename File::content_type{});
}

}  // namespace support
