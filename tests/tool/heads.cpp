#include <filesystem>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

/// Cell `column`, from 0, of the first line that begins with "| NAME |", after `from`.
std::string cell(std::string const& page, std::string const& name, std::size_t column, std::size_t from = 0) {
  auto at = page.find("\n| " + name + " |", from);
  REQUIRE(at != page.npos);
  at += 3;
  for (std::size_t i = 0; i < column; ++i) at = page.find(" | ", at) + 3;
  return page.substr(at, std::min(page.find(" |", at), page.find(" |\n", at)) - at);
}

}  // namespace

TEST_CASE("heads: a page of tables out of rows, which are gone on with, and predictions out of configurations") {
  scratch const at;
  std::filesystem::copy_file(jamba + "/config.json", at.path("some-jamba.json"));
  auto const config = at.path("some-jamba.json").string();
  auto const rows = at.path("R.jsonl").string();
  auto const command = "heads " + gemma + " " + config + " --prompts 8 --draws 2 --calibration 2 --rows " + rows +
                       " --output " + at.path("H.md").string();
  REQUIRE(run(command).code == 0);
  auto const page = read(at.path("H.md"));
  CHECK(page.find("headcount heads " + gemma + " " + config + " --draws 2 --calibration 2 --prompts 8") != page.npos);

  // What is found is what evaluate finds on the same prompts.
  auto const asked =
      nlohmann::json::parse(run("evaluate --model " + gemma +
                                " --task recall --set prompts=8 --policy dense --policy 'none @ generation' --json")
                                .out);
  auto const found = [&](std::string const& policy) {
    for (auto const& one : asked["results"])
      if (one["policy"] == policy && one["metric"] == "exact_match") return one["value"].get<double>();
    return -1.0;
  };
  CHECK(cell(page, "tiny-recurrent-gemma", 1).find("2 attention") != std::string::npos);
  CHECK(std::stod(cell(page, "tiny-recurrent-gemma", 2)) == doctest::Approx(found("dense")).epsilon(0.006));
  CHECK(std::stod(cell(page, "tiny-recurrent-gemma", 3)) == found("none @ generation"));
  auto const of_layer = page.find("heads of a layer");
  auto const of_model = page.find("heads of the model");
  CHECK(cell(page, "tiny-recurrent-gemma", 1, of_layer) == "10");
  CHECK(cell(page, "tiny-recurrent-gemma", 1, of_model) == "20");
  for (auto const from : {of_layer, of_model}) {
    auto const fewest = std::stod(cell(page, "tiny-recurrent-gemma", 2, from));
    CHECK(fewest >= 2);
    CHECK(fewest <= (from == of_layer ? 6 : 12));
    CHECK(cell(page, "tiny-recurrent-gemma", 3, from).empty());  // no gates
    CHECK(cell(page, "tiny-recurrent-gemma", 4, from).find("] ") != std::string::npos);
  }

  // Predictions are those of cost.
  auto const cost = nlohmann::json::parse(
      run("cost --model " + config + " --policy dense --context 4096 --bandwidth 100 --json").out);
  CHECK(std::stod(cell(page, "some-jamba", 5)) ==
        doctest::Approx(1e3 * cost["generation"]["least_seconds_per_token"].get<double>()).epsilon(0.01));
  CHECK(std::stod(cell(page, "some-jamba", 3)) ==
        doctest::Approx(cost["memory"]["weights"].get<double>() * 1e-9).epsilon(0.3));
  CHECK(cell(page, "some-jamba", 2) == "16 (4)");

  auto const size = std::filesystem::file_size(rows);
  REQUIRE(run(command).code == 0);
  CHECK(read(at.path("H.md")) == page);
  CHECK(std::filesystem::file_size(rows) == size);
}

TEST_CASE("heads names what is wrong") {
  scratch const at;
  CHECK(refused(run("heads /nowhere --output " + at.path("H.md").string()), "/nowhere"));
  CHECK(refused(run("heads " + gemma + " --draws 1 --output " + at.path("H.md").string()), "draws"));
}
