#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

using namespace test;

TEST_CASE("inspect tells a RecurrentGemma's layers, heads and window") {
  auto const facts = nlohmann::json::parse(run("inspect --json " + gemma).out);
  CHECK(facts["architecture"] == "RecurrentGemmaForCausalLM");
  CHECK(facts["layers_by_kind"]["attention"] == nlohmann::json{2, 5});
  CHECK(facts["layers_by_kind"]["rg_lru"] == nlohmann::json{0, 1, 3, 4});
  CHECK(facts["heads"] == 10);
  CHECK(facts["key_value_heads"] == 1);
  CHECK(facts["group"] == 10);
  CHECK(facts["window"] == 256);
  CHECK(facts["parameters"] == 5742400);
  CHECK(facts["dtype"] == "BF16");
}

TEST_CASE("inspect tells a Jamba's layers, experts and groups, in words too") {
  auto const facts = nlohmann::json::parse(run("inspect --json " + jamba).out);
  CHECK(facts["layers_by_kind"]["attention"] == nlohmann::json{2, 6});
  CHECK(facts["expert_layers"] == nlohmann::json{1, 3, 5, 7});
  CHECK(facts["group"] == 4);
  CHECK(facts["window"].is_null());
  CHECK(facts["parameters"] == 9000384);
  auto const text = run("inspect " + jamba).out;
  for (auto const* part : {"JambaForCausalLM", "2 attention: 2, 6", "16 a layer", "4 of 4 heads", "9000384", "BF16"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("a model folder that is not one is named") {
  scratch const at;
  CHECK(refused(run("inspect /nowhere"), "/nowhere"));
  CHECK(refused(run("inspect " + at.path("").string()), "config.json"));
  (void)at.write("config.json", R"({"model_type": "jamba", "hidden_size": )");
  CHECK(refused(run("inspect " + at.path("").string()), "malformed JSON"));
  (void)at.write("config.json", R"({"model_type": "bert"})");
  CHECK(refused(run("inspect " + at.path("").string()), "recurrent_gemma, jamba"));
  std::filesystem::copy_file(jamba + "/config.json", at.path("config.json"),
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(refused(run("inspect " + at.path("").string()), "model.safetensors"));
  auto const whole = read(jamba + "/model.safetensors");
  (void)at.write("model.safetensors", whole.substr(0, 1000));
  CHECK(refused(run("inspect " + at.path("").string()), "truncated"));
  (void)at.write("model.safetensors", whole.substr(0, whole.size() - 100));
  CHECK(refused(run("inspect " + at.path("").string()), "truncated"));
}
