#pragma once

// Files made by hand, in a folder that is gone after the test, and the messages of errors.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>

namespace test {

class temporary_folder {
 public:
  temporary_folder() {
    std::random_device random;
    do path_ = std::filesystem::temp_directory_path() / ("headcount-test-" + std::to_string(random()));
    while (!std::filesystem::create_directory(path_));
  }
  temporary_folder(temporary_folder const&) = delete;
  temporary_folder& operator=(temporary_folder const&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::filesystem::path const& path() const { return path_; }

  std::filesystem::path write(std::string const& name, std::string_view content) const {
    std::ofstream{path_ / name, std::ios::binary} << content;
    return path_ / name;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (auto const& entry : std::filesystem::directory_iterator{path_}) found.push_back(entry.path().filename());
    return found;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_all(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// A safetensors file: eight bytes of length, the header as given, data.
inline std::string safetensors_text(std::string_view header, std::string_view data = {}) {
  std::string file;
  for (int byte = 0; byte < 8; ++byte) file.push_back(static_cast<char>(header.size() >> (8 * byte) & 0xff));
  return file.append(header).append(data);
}

/// The message of the headcount::error that `step` throws: always one line. Empty when it throws nothing.
template <class Step>
std::string message_of(Step const& step) {
  try {
    step();
  } catch (headcount::error const& failure) {
    std::string const message = failure.what();
    CHECK_MESSAGE(message.find('\n') == std::string::npos, message);
    CHECK(!message.empty());
    return message;
  } catch (std::exception const& other) {
    FAIL_CHECK("not a headcount::error: ", other.what());
  }
  return {};
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace test
