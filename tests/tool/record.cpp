#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/safetensors.hpp>

#include "support/run.hpp"

using namespace test;

TEST_CASE("record: a runtime policy's decisions replayed say the same, and without attention they do not") {
  scratch const at;
  auto const prompts =
      at.write("prompts.json", R"({"prompts": [[2, 10, 11, 12, 13, 14, 15, 20], "the best thing to do"]})");
  auto const trace = at.path("T.safetensors").string();
  for (auto const& model : {gemma, jamba}) {
    CAPTURE(model);
    auto const say = [&](std::string const& command, std::string const& policy) {
      return run(command + " --model " + model + " --prompts " + prompts + " --max-new-tokens 9 --policy " +
                 quoted(policy));
    };
    auto const recorded = say("record --output " + trace, "entropy | top_k(2) @ generation");
    REQUIRE(recorded.code == 0);
    auto const as_it_was = say("generate", "entropy | top_k(2) @ generation");
    REQUIRE(as_it_was.code == 0);
    CHECK(say("generate", "replay(" + trace + ") | threshold(0.5)").out == as_it_was.out);
    CHECK(say("generate", "none").out != as_it_was.out);

    auto const file = headcount::reference::open_safetensors(trace);
    CHECK(file.about.at("policy") == "entropy | top_k(2) @ generation");
    for (auto const* key : {"model_identity", "policy_identity", "data_identity"})
      CHECK(file.about.at(key).size() == 32);
    auto const& kept = file.tensors.at("kept");
    std::size_t sum = 0;
    for (auto const one : kept.bytes) sum += std::to_integer<std::size_t>(one);
    auto const& sites = file.tensors.at("sites");
    std::vector<std::int64_t> numbers(sites.bytes.size() / 8);
    std::memcpy(numbers.data(), sites.bytes.data(), sites.bytes.size());
    std::size_t expected = 0;
    for (std::size_t i = 0; i < numbers.size(); i += 5)
      expected += numbers[i + 3] == 1 ? 2 : static_cast<std::size_t>(numbers[i + 4]);
    CHECK(sum == expected);
  }
}

TEST_CASE("record: some sites, with rows") {
  scratch const at;
  auto const prompts = at.write("prompts.json", R"({"prompts": [[2, 10, 11, 12, 13], [2, 10]]})");
  auto const file = at.path("T.safetensors").string();
  auto const result =
      run("record --model " + gemma + " --prompts " + prompts +
          " --max-new-tokens 3 --policy dense --where 'generation, layers=5' --sites last --rows after --edit 'null' "
          "--output " +
          file);
  REQUIRE(result.code == 0);
  CHECK(result.out == "2 sites of 2 sequences\n");
  auto const opened = headcount::reference::open_safetensors(file);
  CHECK(opened.tensors.at("sites").shape == std::vector<std::size_t>{2, 5});
  CHECK(opened.tensors.at("rows").shape == std::vector<std::size_t>{20, 3});
  for (auto const one : opened.tensors.at("weights").bytes) CHECK(one == std::byte{0});
}

TEST_CASE("record: bad input is refused and nothing is written") {
  scratch const at;
  auto const prompts = at.write("prompts.json", R"({"prompts": [[2, 10]]})");
  auto const file = at.path("T.safetensors").string();
  auto const record = [&](std::string const& more) {
    return run("record --model " + gemma + " --prompts " + prompts + " --max-new-tokens 3 --policy dense --output " +
               file + " " + more);
  };
  CHECK(refused(record("--where generating"), "all, prefill, generation"));
  CHECK(refused(record("--where 'all, layers=1'"), "none of these layers has attention"));
  CHECK(refused(record("--where 'all | dense'"), "not understood"));
  CHECK(refused(record("--sites some"), "--sites"));
  CHECK_FALSE(std::filesystem::exists(file));
  CHECK(refused(run("generate --model " + gemma + " --prompts " + prompts + " --max-new-tokens 3 --policy " +
                    quoted("replay(" + gemma + "/model.safetensors) | threshold(0.5)")),
                "so it is no recording"));
}
