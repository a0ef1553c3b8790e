#include <filesystem>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/checkpoint/load_snapshot.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;

TEST_CASE("load_snapshot: texts end as generation_config.json says, or else as the configuration does") {
  test::temporary_folder const folder;
  reference::common_config config;
  config.eos = {7};
  auto const read = [&] { return reference::read_end_tokens(folder.path(), config); };
  CHECK(read() == std::vector<token>{7});
  folder.write("generation_config.json", R"({"temperature": 1, "eos_token_id": null})");
  CHECK(read() == std::vector<token>{7});
  folder.write("generation_config.json", R"({"eos_token_id": [3, 107]})");
  CHECK(read() == std::vector<token>{3, 107});
  folder.write("generation_config.json", R"({"eos_token_id": 4})");
  CHECK(read() == std::vector<token>{4});
  folder.write("generation_config.json", R"({"eos_token_id": "</s>"})");
  CHECK(test::contains(test::message_of(read), "generation_config.json: eos_token_id = \"</s>\""));
  folder.write("generation_config.json", "[]");
  CHECK(test::contains(test::message_of(read), "generation_config.json: it is [] (allowed: an object)"));
}

TEST_CASE("load_snapshot: a model is called as its folder was, and by its repository in a cache of snapshots") {
  using reference::name_of_folder;
  CHECK(name_of_folder("/models/tiny-jamba") == "tiny-jamba");
  CHECK(name_of_folder("/models/tiny-jamba/") == "tiny-jamba");
  CHECK(name_of_folder("/models/tiny-jamba/../other/.") == "other");
  CHECK(name_of_folder("hub/models--google--recurrentgemma-2b/snapshots/0a1b2c3d4e5f") == "recurrentgemma-2b");
  test::temporary_folder const at;
  std::filesystem::create_directory(at.path() / "0a1b2c");
  std::filesystem::create_directory_symlink(at.path() / "0a1b2c", at.path() / "telling");
  CHECK(name_of_folder(at.path() / "telling") == "telling");
}

TEST_CASE("load_snapshot: a folder of a cache is named as what it is, with the snapshots that it holds") {
  test::temporary_folder const folder;
  auto const repository = folder.path() / "models--a--b";
  std::filesystem::create_directories(repository / "snapshots" / "c0");
  for (auto const& path : {repository, repository / "snapshots"})
    CHECK(test::message_of([&] { (void)reference::load_snapshot(path); }) ==
          path.string() + ": it is a folder of Hugging Face's cache, which holds snapshots of a model (allowed: a " +
              "snapshot: " + (repository / "snapshots" / "c0").string() + ")");
  std::filesystem::remove(repository / "snapshots" / "c0");
  CHECK(test::contains(test::message_of([&] { (void)reference::load_snapshot(repository); }),
                       "a snapshot; none is there"));
  CHECK(reference::name_of_folder("caf\xe9/") == "caf\\xe9");
}
