#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;

TEST_CASE("cost works from a folder or its config.json alone, as JSON and as a table") {
  auto const arguments = " --policy 'none @ generation' --context 100 --json";
  auto const all = nlohmann::json::parse(run("cost --model " + jamba + arguments).out);
  scratch const at;
  std::filesystem::copy_file(jamba + "/config.json", at.path("c.json"));
  CHECK(nlohmann::json::parse(run("cost --model " + at.path("c.json").string() + arguments).out) == all);
  CHECK(all["policy"] == "none @ generation");
  // 2 layers with 4 key/value heads of 16 features, keys and values of 2 bytes.
  CHECK(all["cache_bytes_dense"] == 2 * 4 * 16 * 100 * 2 * 2);
  CHECK(all["cache_bytes_freeable"] == all["cache_bytes_dense"]);
  CHECK(all["prefill"]["flops"] == all["prefill"]["flops_dense"]);
  CHECK(all["generation"]["flops"] < all["generation"]["flops_dense"]);
  CHECK(all["generation"]["blocks"].size() == 17);
  CHECK(all["generation"]["blocks"][4]["kind"] == "attention");
  CHECK(all["generation"]["blocks"][4]["heads_kept"] == nlohmann::json{0, 0});
  CHECK(run("cost --model " + jamba + " --policy none --context 100").out.find("51200 of 51200 bytes can be freed") !=
        std::string::npos);
  auto const with = [](std::string const& mask) {
    return nlohmann::json::parse(
        run("cost --model " + jamba + " --policy 'random | top_k(2) | " + mask + "' --context 100 --json").out);
  };
  CHECK(with("streaming(1, 3)")["generation"]["flops"] > with("uniform")["generation"]["flops"]);
  CHECK(with("uniform")["generation"]["flops"] > with("zero")["generation"]["flops"]);
}

TEST_CASE("cost says what a model takes in memory, and the least time when it is told how fast the machine is") {
  auto const arguments = "cost --model " + jamba + " --policy dense --context 100 --json";
  auto const plain = nlohmann::json::parse(run(arguments).out);
  CHECK(plain["memory"]["weights"] == 2 * 9000384);
  CHECK(plain["memory"]["cache"] == 2 * 4 * 16 * 100 * 2 * 4);   // float32, unlike what policies are priced in
  CHECK(plain["memory"]["state"] == 6 * 512 * (8 + 4 - 1) * 4);  // six Mamba layers
  CHECK(plain["memory"]["copies"] == 0);
  CHECK(plain["memory"]["working"] > plain["memory"]["state"]);
  CHECK(!plain.contains("rates"));
  CHECK(!plain["generation"].contains("least_seconds_per_token"));
  auto const told = nlohmann::json::parse(run(arguments + " --bandwidth 0.5 --flops 100").out);
  CHECK(told["generation"]["least_seconds_per_token"].get<double>() ==
        doctest::Approx(plain["generation"]["bytes_read"].get<double>() / 0.5e9));
  CHECK(told["prefill"]["least_seconds_per_token"].get<double>() ==
        doctest::Approx(plain["prefill"]["bytes_read"].get<double>() / 0.5e9 / 100));
  auto const slow = nlohmann::json::parse(run(arguments + " --flops 0.001").out);
  CHECK(slow["generation"]["least_seconds_per_token"].get<double>() ==
        doctest::Approx(plain["generation"]["flops"].get<double>() / 1e6));
  auto const measured = nlohmann::json::parse(run(arguments + " --measure --flops 7").out);
  CHECK(measured["rates"]["flops_per_second"] == 7e9);
  CHECK(measured["rates"]["bytes_per_second"].get<double>() > 1e7);
  auto const text = run("cost --model " + jamba + " --policy dense --context 100 --bandwidth 1").out;
  CHECK(text.find("0.018 GB of weights and 0.000 GB of copies") != text.npos);
  CHECK(text.find("0 is unknown and bounds nothing") != text.npos);
}

TEST_CASE("cost names what is wrong") {
  CHECK(refused(run("cost --model /nowhere --policy none --context 1"), "/nowhere"));
  CHECK(refused(run("cost --model " + jamba + " --policy nune --context 1"), "nune"));
  CHECK(refused(run("cost --model " + jamba + " --policy none --context 0"), "context"));
  CHECK(refused(run("cost --model " + jamba + " --policy 'entropy | top_k(17)' --context 9"), "16 heads"));
  CHECK(refused(run("cost --model " + jamba + " --policy none --context 9 --flops 0"), "flops"));
}
