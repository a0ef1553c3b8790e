// GGUF files in the tool, as a person uses them. Where llama.cpp was not found, each test says so and is over.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/safetensors.hpp>

#include "support/run.hpp"

using namespace test;

namespace {

/// tiny-jamba written as GGUF; empty where the tool has no llama.cpp.
std::string jamba_file(scratch const& at, std::string const& more = "") {
  auto const path = at.path("tiny-jamba.gguf").string();
  auto const made = run("to-gguf " + jamba + " --output " + path + more);
  if (made.code == 2 && made.err.find("built without it") != std::string::npos) {
    MESSAGE("skipped: the tool was built without llama.cpp (cmake/install_engine.sh llama)");
    return {};
  }
  REQUIRE(made.code == 0);
  CHECK(made.out.empty());
  CHECK(made.err.empty());
  return path;
}

std::string const tokens = R"([[2, 6, 4, 8, 22, 486, 23, 21, 5, 7, 4, 9, 31, 44, 100, 7], [2, 22, 486, 23]])";
std::string const text =
    "the lively chair wash the puppet . the best thing to do in Lisbon is paint a lantern and sing in gardens on a "
    "sunny "
    "day . Aylin works as a dentist . question : what is the best thing to do in Lisbon ? answer :";

std::vector<float> logits_of(std::string const& path) {
  auto const file = headcount::reference::open_safetensors(path);
  auto const& logits = file.tensors.at("logits");
  auto const* const values = reinterpret_cast<float const*>(logits.bytes.data());
  return {values, values + logits.bytes.size() / sizeof(float)};
}

}  // namespace

TEST_CASE("gguf: a file is inspected, and is known by its bytes") {
  scratch const at;
  auto const file = jamba_file(at);
  if (file.empty()) return;
  auto const facts = nlohmann::json::parse(run("inspect " + file + " --json").out);
  auto const known = nlohmann::json::parse(run("inspect " + jamba + " --json").out);
  CHECK(facts["name"] == "tiny-jamba.gguf");
  CHECK(facts["architecture"] == "jamba");
  for (auto const* key : {"layers", "heads", "key_value_heads", "group", "head_dim", "vocabulary", "parameters"})
    CHECK(facts[key] == known[key]);
  CHECK(facts["layers_by_kind"]["attention"] == known["layers_by_kind"]["attention"]);
  CHECK(facts["dtype"] == "F32");
  CHECK(facts["model_identity"].get<std::string>().size() == 32);
  CHECK(facts["model_identity"] != known["model_identity"]);
  CHECK(run("inspect " + file).out.find("tokenizer       in the file") != std::string::npos);
  std::filesystem::copy_file(file, at.path("other-name"));  // a file is known by how it begins
  CHECK(nlohmann::json::parse(run("inspect " + at.path("other-name").string() + " --json").out)["model_identity"] ==
        facts["model_identity"]);
}

TEST_CASE("gguf: logits, completions and likelihoods are the folder's") {
  scratch const at;
  auto const file = jamba_file(at);
  if (file.empty()) return;
  auto const ids = at.write("t.json", R"({"input_ids": )" + tokens + "}");
  auto const prompts = at.write("p.json", R"({"prompts": [")" + text + R"(", [2, 22, 486, 23]]})");
  auto const items =
      at.write("i.json", R"({"items": [{"prompt": ")" + text + R"(", "choices": ["paint a lantern", "sing"]}]})");
  for (std::string const policy : {"dense", "none @ generation", "entropy | top_k(2)",
                                   "entropy | top_k(5) @ generation", "random(seed=3) | top_k(4)"}) {
    CAPTURE(policy);
    auto const both = [&](std::string const& command) {
      auto const a = run(command + " --model " + jamba + " --policy " + quoted(policy));
      auto const b = run(command + " --model " + file + " --policy " + quoted(policy));
      CHECK(a.code == 0);
      CHECK(b.code == 0);
      CHECK(b.err == a.err);
      return std::pair{a.out, b.out};
    };
    auto const [completed, completed_there] = both("generate --max-new-tokens 12 --prompts " + prompts);
    CHECK(completed == completed_there);
    auto const [likely, likely_there] = both("loglik --items " + items);
    auto const a = nlohmann::json::parse(likely)["items"][0], b = nlohmann::json::parse(likely_there)["items"][0];
    CHECK(a["best"] == b["best"]);
    for (std::size_t i = 0; i < 2; ++i)
      CHECK(std::abs(a["loglik"][i].get<double>() - b["loglik"][i].get<double>()) < 1e-3);

    auto const write = [&](std::string const& model, char const* name) {
      auto const output = at.path(name).string();
      REQUIRE(run("logits --prefill 6 --tokens " + ids + " --model " + model + " --policy " + quoted(policy) +
                  " --output " + output)
                  .code == 0);
      return logits_of(output);
    };
    auto const here = write(jamba, "a.safetensors"), there = write(file, "b.safetensors");
    REQUIRE(here.size() == there.size());
    double most = 0;
    for (std::size_t i = 0; i < here.size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(here[i]) - static_cast<double>(there[i])));
    CHECK(most < 2e-3);
  }
}

TEST_CASE("gguf: tasks, rankings, recordings and masks run on a file") {
  scratch const at;
  auto const file = jamba_file(at);
  if (file.empty()) return;
  std::string const language = " --language " HEADCOUNT_MODELS "/language.json";
  std::filesystem::copy_file(HEADCOUNT_MODELS "/language.json", at.path("language.json"));  // beside the model
  auto const evaluate = [&](std::string const& model) {
    auto const output = at.path(model == file ? "b.jsonl" : "a.jsonl").string();
    auto const done =
        run("evaluate --model " + model + " --task facts --limit 8 --policy dense --policy none --output " + output);
    REQUIRE(done.code == 0);
    std::vector<double> values;
    for (auto const& row : rows_of(output)) values.push_back(row["value"].get<double>());
    std::ranges::sort(values);
    return values;
  };
  CHECK(evaluate(jamba) == evaluate(file));
  auto const rows = rows_of(at.path("b.jsonl"));
  CHECK(rows.front()["model"] == "tiny-jamba.gguf");
  CHECK(rows.front()["model_identity"] ==
        nlohmann::json::parse(run("inspect " + file + " --json").out)["model_identity"]);

  auto const plan = at.write("plan.json", R"({"models": [")" + file + R"("], "policies": ["dense", "none"],
    "tasks": [{"task": "facts", "limit": 4}]})");
  auto const swept = run("sweep " + plan + " --output " + at.path("s.jsonl").string());
  CHECK(swept.code == 0);
  CHECK(rows_of(at.path("s.jsonl")).size() == 8);

  auto const rank = [&](std::string const& model) {
    auto const done = run("rank --prompts 4 --method retrieval --model " + model + language + " --output " +
                          at.path("r.json").string());
    REQUIRE(done.code == 0);
    return done.out.substr(0, done.out.find("halves"));
  };
  CHECK(rank(jamba) == rank(file));
  CHECK(refused(run("rank --method ov_norm --model " + file + " --output " + at.path("o.json").string()), "weights"));

  auto const prompts = at.write("p.json", R"({"prompts": [")" + text + "\"]}");
  auto const recorded = at.path("t.safetensors").string();
  CHECK(run("record --model " + file + " --prompts " + prompts + " --max-new-tokens 4 --policy " +
            quoted("entropy | top_k(2) @ generation") + " --output " + recorded)
            .code == 0);
  auto const replayed = run("generate --model " + file + " --prompts " + prompts + " --max-new-tokens 4 --policy " +
                            quoted("replay(" + recorded + ") | threshold(0.5) @ generation"));
  CHECK(replayed.out == run("generate --model " + file + " --prompts " + prompts + " --max-new-tokens 4 --policy " +
                            quoted("entropy | top_k(2) @ generation"))
                            .out);

  auto const outputs = at.path("o.safetensors").string();
  CHECK(run("calibrate --prompts 2 --samples 4 --model " + file + language + " --output " + outputs).code == 0);
  CHECK(run("masks --prompts 2 --masks " + quoted("zero; mean(" + outputs + ")") + " --policy " +
            quoted("entropy | top_k(3) @ generation") + " --model " + file + language)
            .code == 0);
}

TEST_CASE("gguf: dropped heads are off in llama.cpp and in the reference engine") {
  scratch const at;
  auto const policy = quoted("entropy | top_k(5) @ generation");
  for (auto const& model : {jamba, gemma}) {
    auto const proof = run("prove-off --tokens 12 --heads 6 --model " + model + " --policy " + policy);
    CHECK(proof.code == 0);
    CHECK(proof.out.find("changes a logit by at most 0\n") != std::string::npos);
  }
  CHECK(refused(run("prove-off --model " + jamba + " --policy dense"), "drops no head"));
  auto const file = jamba_file(at);
  if (file.empty()) return;
  auto const proof = run("prove-off --tokens 12 --heads 6 --model " + file + " --policy " + policy);
  CHECK(proof.code == 0);
  CHECK(proof.out.find("changes a logit by at most 0\n") != std::string::npos);
}

TEST_CASE("gguf: what cannot be is said in a line") {
  scratch const at;
  auto const nowhere = run("inspect " + at.path("no.gguf").string());
  CHECK((refused(nowhere, "no such file") || refused(nowhere, "built without it")));
  auto const file = jamba_file(at, " --dtype float16");
  if (file.empty()) return;
  CHECK(nlohmann::json::parse(run("inspect " + file + " --json").out)["dtype"] == "F16, F32");
  CHECK(refused(run("inspect " + at.write("bad.gguf", "GGUF, and nothing else")), "bad.gguf"));
  CHECK(refused(run("compact --model " + file + " --policy none --output " + at.path("c").string()), "model folder"));
  CHECK(refused(run("generate --model " + file + " --prompts " + at.write("p.json", R"({"prompts": ["a"]})") +
                    " --max-new-tokens 1 --policy " + quoted("contribution_norm | top_k(2)")),
                "contributions"));
  CHECK(refused(run("to-gguf " + gemma + " --output " + at.path("g.gguf").string()), "not written as GGUF"));
  CHECK(refused(run("to-gguf " + at.path("nothing").string() + " --output " + at.path("g.gguf").string()),
                "no such model folder"));
  CHECK(refused(run("to-gguf " + jamba + " --output " + at.path("no/g.gguf").string()), "cannot be written"));
  CHECK_FALSE(std::filesystem::exists(at.path("g.gguf")));
}
