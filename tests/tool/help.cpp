#include <cstddef>
#include <filesystem>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/run.hpp"

using namespace test;

namespace {

/// The subcommands that --help lists.
std::vector<std::string> subcommands() {
  auto const text = run("--help").out;
  std::istringstream lines{text.substr(text.find("Subcommands:"))};
  std::vector<std::string> names;
  std::string line;
  std::getline(lines, line);
  for (std::string name; std::getline(lines, line) && std::istringstream{line} >> name;)
    if (line.starts_with("  ") && line[2] != ' ') names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("every subcommand explains itself with an example and exit code 0") {
  auto const all = subcommands();
  auto const declared = read(std::filesystem::path{HEADCOUNT_SOURCE} / "examples/headcount/commands.hpp");
  std::regex const declaration{"void add_"};
  CHECK(all.size() == static_cast<std::size_t>(
                          std::distance(std::sregex_iterator{declared.begin(), declared.end(), declaration}, {})));
  for (auto const& command : all) {
    CAPTURE(command);
    auto const result = run(command + " --help");
    CHECK(result.code == 0);
    CHECK(result.out.find("Example:\n  headcount " + command) != std::string::npos);
    CHECK(result.err.empty());
  }
}

TEST_CASE("the version is printed") { CHECK(run("--version").out.starts_with("headcount 0.")); }

TEST_CASE("a command line that is not understood is one line and exit code 2") {
  CHECK(refused(run(""), "subcommand"));
  CHECK(refused(run("inspekt"), "inspekt"));
  CHECK(refused(run("inspect"), "MODEL"));
  CHECK(refused(run("inspect " + jamba + " --jsn"), "--jsn"));
  CHECK(refused(run("decide --weights a --policy dense --output b --phase now"), "now"));
  CHECK(refused(run("generate --model m --prompts p --policy dense --max-new-tokens 0"), "max-new-tokens"));
  CHECK(refused(run("demo --prompts 3"), "prompts"));
  CHECK(refused(run("demo --output /nowhere"), "/nowhere"));
  CHECK(refused(run("demo --models /nowhere"), "/nowhere"));
}
