// A policy is its sentence and what is in the files that it names: each kind of file, changed, renamed and rewritten.

#include <filesystem>
#include <functional>
#include <string>

#include <doctest/doctest.h>

#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/policy_file/predictor_json.hpp>
#include <headcount/policy_file/ranking_json.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/policy_file/trace_file.hpp>
#include <headcount/sentence/parse.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;

namespace {

std::string identity_of(std::string const& sentence) {
  return policy_identity(parse_policy(sentence, reference::sentence_files{}));
}

/// Writes a file with a value in it, and sees that the identity of a sentence, FILE in it, changes with the value and
/// not with the name.
void check_file(std::string const& sentence, std::function<void(std::filesystem::path const&, float)> const& write) {
  test::temporary_folder const folder;
  auto const identity = [&](char const* name) {
    auto text = sentence;
    return identity_of(text.replace(text.find("FILE"), 4, "\"" + (folder.path() / name).string() + "\""));
  };
  write(folder.path() / "a", 0.5f);
  write(folder.path() / "b", 0.25f);
  auto const before = identity("a");
  CHECK(before.size() == 32);
  CHECK(identity("b") != before);
  std::filesystem::rename(folder.path() / "a", folder.path() / "c");
  CHECK(identity("c") == before);
  write(folder.path() / "c", 0.25f);
  CHECK(identity("c") == identity("b"));
  write(folder.path() / "c", 0.5f);
  CHECK(identity("c") == before);
}

}  // namespace

TEST_CASE("policy_identity: changes with the content of every file that it names, and not with its name") {
  auto const rank = [](std::filesystem::path const& path, float value) {
    reference::write_ranking(path, {.scores = {{}, {1, static_cast<double>(value)}}, .source = {}});
  };
  check_file("fixed(FILE) | top_k(1) @ generation", rank);
  check_file("sum(normalised(fixed(FILE)), entropy) | top_k(1)", rank);
}

TEST_CASE("policy_identity: a predictor, head outputs and a trace that were made again make another policy") {
  check_file("predictor(FILE) | top_k(1)", [](std::filesystem::path const& path, float value) {
    score::affine_map const map{.inputs = 2, .weight = {1, value}, .bias = {0}};
    reference::write_predictor(path, {.layers = {{.layer = 2, .maps = {map}}}});
  });
  for (auto const* mask : {"mean", "resample"}) {
    auto const sentence = std::string{"entropy | top_k(1) | "} + mask + "(FILE)";
    check_file(sentence, [](std::filesystem::path const& path, float value) {
      head_outputs::layer const layer{.heads = 1, .dim = 2, .mean = {1, 2}, .samples = {3, value}};
      reference::write_head_outputs(path, {.layers = {layer}, .samples = 1});
    });
    check_file(sentence, [](std::filesystem::path const& path, float value) {
      head_outputs::layer const layer{.heads = 1, .dim = 2, .mean = {1, value}, .samples = {3, 4}};
      reference::write_head_outputs(path, {.layers = {layer}, .samples = 1});
    });
  }
  check_file("replay(FILE) | threshold(0.5)", [](std::filesystem::path const& path, float value) {
    record::recording of;
    of.sites.push_back({.where = {.layer = 2, .position = 3, .heads = 3}, .kept = {}, .scores = {}, .rows = {}});
    of.sites.back().kept.insert(value < 0.4f ? 1 : 2);
    reference::write_recording(path, of);
  });
}

TEST_CASE("policy_identity: is that of its sentence however it is written, and changes with every part of it") {
  auto const identity = identity_of("entropy | top_k(2) @ generation");
  CHECK(identity_of("entropy|top_k(k=2)|zero@generation") == identity);
  for (auto const* other : {"l2 | top_k(2) @ generation", "entropy | top_k(3) @ generation", "entropy | top_k(2)",
                            "entropy | top_k(2) | uniform @ generation", "entropy | top_k(2) @ generation, layers=2"})
    CHECK(identity_of(other) != identity);
}
