#include <string>

#include <doctest/doctest.h>

#include "support/run.hpp"

using namespace test;

TEST_CASE("every subcommand explains itself with an example and exit code 0") {
  for (auto const* command :
       {"inspect", "decide", "logits", "generate", "loglik", "demo", "rank", "calibrate", "masks", "bridge", "compare",
        "report", "cost", "compact", "record", "budget", "evaluate", "sweep", "merge"}) {
    CAPTURE(command);
    auto const result = run(std::string{command} + " --help");
    CHECK(result.code == 0);
    CHECK(result.out.find("Example:\n  headcount " + std::string{command}) != std::string::npos);
    CHECK(result.err.empty());
    CHECK(run("--help").out.find(command) != std::string::npos);
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
