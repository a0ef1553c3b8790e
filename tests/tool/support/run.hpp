#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace test {

/// A folder of its own for one test, removed with it.
class scratch {
 public:
  scratch() {
    static int count = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("headcount-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directories(folder_);
  }
  ~scratch() { std::filesystem::remove_all(folder_); }
  scratch(scratch const&) = delete;
  scratch& operator=(scratch const&) = delete;

  [[nodiscard]] std::filesystem::path path(std::string const& name) const { return folder_ / name; }

  /// Writes a file and gives its path.
  [[nodiscard]] std::string write(std::string const& name, std::string const& text) const {
    std::ofstream{path(name), std::ios::binary} << text;
    return path(name).string();
  }

 private:
  std::filesystem::path folder_;
};

[[nodiscard]] inline std::string read(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// The rows of a result file, or any other JSON lines.
[[nodiscard]] inline std::vector<nlohmann::json> rows_of(std::filesystem::path const& path) {
  std::istringstream in{read(path)};
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(in, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

struct outcome {
  int code = -1;
  std::string out;
  std::string err;
};

/// Runs the tool with a command line as a shell would.
[[nodiscard]] inline outcome run(std::string const& arguments) {
  scratch const at;
  auto const out = at.path("out").string();
  auto const err = at.path("err").string();
  auto const status = std::system((std::string{HEADCOUNT_TOOL} + " " + arguments + " >" + out + " 2>" + err).c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
}

/// A shell word.
[[nodiscard]] inline std::string quoted(std::string const& text) { return "'" + text + "'"; }

/// True when a run refused its input as it should: exit code 2, nothing on standard output, one line on standard error
/// that begins with "error: " and names `part`.
[[nodiscard]] inline bool refused(outcome const& result, std::string const& part) {
  bool const one_line = !result.err.empty() && result.err.find('\n') == result.err.size() - 1;
  bool const good = result.code == 2 && result.out.empty() && one_line && result.err.starts_with("error: ") &&
                    result.err.find(part) != std::string::npos;
  if (!good)
    std::fprintf(stderr, "exit code %d, out \"%s\", err \"%s\", wanted \"%s\"\n", result.code, result.out.c_str(),
                 result.err.c_str(), part.c_str());
  return good;
}

inline std::string const jamba = std::string{HEADCOUNT_MODELS} + "/tiny-jamba";
inline std::string const gemma = std::string{HEADCOUNT_MODELS} + "/tiny-recurrent-gemma";

}  // namespace test
