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

TEST_CASE("cost names what is wrong") {
  CHECK(refused(run("cost --model /nowhere --policy none --context 1"), "/nowhere"));
  CHECK(refused(run("cost --model " + jamba + " --policy nune --context 1"), "nune"));
  CHECK(refused(run("cost --model " + jamba + " --policy none --context 0"), "context"));
  CHECK(refused(run("cost --model " + jamba + " --policy 'entropy | top_k(17)' --context 9"), "16 heads"));
}
