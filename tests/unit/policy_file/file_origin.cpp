// policy_file/file_origin.hpp: which model the files of a sentence were made of, and what is said of another's.

#include <filesystem>
#include <functional>
#include <string>

#include <doctest/doctest.h>

#include <headcount/policy/compose.hpp>
#include <headcount/policy_file/file_origin.hpp>
#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/policy_file/predictor_json.hpp>
#include <headcount/policy_file/ranking_json.hpp>
#include <headcount/policy_file/trace_file.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;

TEST_CASE("file_origin: every kind of file that a sentence names says its model, and of another's something is said") {
  test::temporary_folder const folder;
  auto const file = (folder.path() / "file").string();
  auto const origins = [&](std::string sentence) {
    return reference::origins_of(
        parse_policy(sentence.replace(sentence.find("FILE"), 4, "\"" + file + "\""), reference::sentence_files{}));
  };
  std::pair<std::string, std::function<void(bool)>> const kinds[]{
      {"fixed(FILE) | top_k(1)",
       [&](bool says) {
         ranking of{.scores = {{1, 2}}, .source = {}};
         if (says) of.source = {.model = "tiny", .model_identity = "0f"};
         reference::write_ranking(file, of);
       }},
      {"predictor(FILE) | top_k(1)",
       [&](bool says) {
         auto json = reference::to_json(
             score::head_predictor{{{.layer = 0, .maps = {{.inputs = 1, .weight = {1, 2}, .bias = {0, 0}}}}}});
         if (says) json.update({{"model", "tiny"}, {"model_identity", "0f"}});
         reference::write_text(file, json.dump());
       }},
      {"replay(FILE) | threshold(0.5)",
       [&](bool says) {
         record::recording of;
         of.sites.push_back({.where = {.layer = 0, .phase = phase::generation, .heads = 2}});
         if (says) reference::write_recording(file, of, {{"model", "tiny"}, {"model_identity", "0f"}});
         else reference::write_recording(file, of);
       }},
      {"entropy | top_k(1) | mean(FILE)",
       [&](bool says) {
         head_outputs of{.layers = {{.heads = 1, .dim = 2, .mean = {1, 2}}}};
         if (says) reference::write_head_outputs(file, of, {{"model", "tiny"}, {"model_identity", "0f"}});
         else reference::write_head_outputs(file, of);
       }},
  };
  for (auto const& [sentence, write] : kinds) {
    CAPTURE(sentence);
    write(false);
    CHECK(origins(sentence).empty());
    write(true);
    auto const found = origins(sentence);
    REQUIRE(found.size() == 1);
    CHECK(found[0].file == file);
    CHECK(found[0].model == "tiny");
    CHECK(found[0].model_identity == "0f");
    CHECK(doubt_of(found[0], "0f").empty());
    CHECK(doubt_of(found[0], "1e") ==
          file + " was made of another model, \"tiny\" of identity 0f; this one has identity 1e");
  }
}

TEST_CASE("file_origin: what is held in memory has no file, and what is neither JSON nor safetensors is refused") {
  any_policy const policy =
      score::fixed{in_memory("heads", ranking{.scores = {{1, 0}}, .source = {}})} | select::threshold{0.5};
  CHECK(reference::origins_of(policy).empty());
  test::temporary_folder const folder;
  auto const path = folder.path() / "text";
  reference::write_text(path, "neither");
  CHECK(test::contains(test::message_of([&] { (void)reference::read_origin(path); }), "not a safetensors file"));
}
