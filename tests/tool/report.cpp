#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

std::string row(std::string const& policy, int prompt, double value) {
  return nlohmann::json{{"model", "tiny-jamba"},
                        {"fingerprint", "0f"},
                        {"policy", policy},
                        {"task", "needle"},
                        {"metric", "exact_match"},
                        {"prompt", std::to_string(prompt)},
                        {"seed", 1},
                        {"value", value},
                        {"version", "0.1.0"}}
             .dump() +
         "\n";
}

/// Whether the page's charts came from npm when this was built.
bool has_charts() { return std::filesystem::exists(HEADCOUNT_CHARTS "/page.html"); }

}  // namespace

TEST_CASE("report without its charts says what to install") {
  if (has_charts()) return;
  scratch const at;
  auto const result = run("report " + at.write("r.jsonl", row("dense", 1, 1)) + " --output " + at.path("o").string());
  CHECK(result.code == 1);
  CHECK(result.err.find("install npm") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(at.path("o")));
}

TEST_CASE("report writes one page, the same bytes for the same rows") {
  if (!has_charts()) return;
  scratch const at;
  auto const rows = row("dense", 1, 1) + row("none @ generation", 1, 0) + row("dense", 2, 1) + row("dense", 3, 0);
  auto const page = at.path("p.html");
  auto const command = "report " + at.write("r.jsonl", rows) + " --model " + jamba + " --output " + page.string();
  auto const result = run(command);
  REQUIRE(result.code == 0);
  CHECK(result.out.empty());
  CHECK(result.err.empty());
  auto const text = read(page);
  CHECK(text.find("<td>needle: exact_match</td><td>dense</td><td class=\"number\">0.6667</td>") != std::string::npos);
  CHECK(text.find("headcount report") != std::string::npos);
  for (auto const* network : {"src=\"http", "href=\"http", "@import", "url(http"}) {
    CAPTURE(network);
    CHECK(text.find(network) == std::string::npos);
  }
  std::filesystem::remove(page);
  CHECK(run(command).code == 0);
  CHECK(read(page) == text);
}

TEST_CASE("report names what is wrong with what it reads, and writes nothing") {
  if (!has_charts()) return;
  scratch const at;
  auto const good = at.write("r.jsonl", row("dense", 1, 1) + row("none", 1, 0));
  auto const refuse = [&](std::string const& arguments, std::string const& part) {
    auto const result = run("report " + arguments + " --output " + at.path("p.html").string());
    return refused(result, part) && !std::filesystem::exists(at.path("p.html"));
  };
  CHECK(refuse("/nowhere", "/nowhere"));
  CHECK(refuse(at.write("empty.jsonl", ""), "it has no row"));
  CHECK(refuse(at.write("twice.jsonl", row("dense", 1, 1) + row("dense ", 1, 1)), "two rows"));
  CHECK(refuse(good + " --model " + gemma, "no row is of a model \"tiny-recurrent-gemma\""));
  CHECK(refuse(good + " --baseline 'l2 | top_k(1)'", "no row of \"l2 | top_k(1)\""));
  CHECK(refuse(good + " --ranking " + good, "r.jsonl"));
  CHECK(refuse(good + " --context 0", "--context"));
  CHECK(refused(run("report " + good + " --output /nowhere/p.html"), "/nowhere/p.html"));
}
