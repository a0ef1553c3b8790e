// Files as people have them: for every reader the same kinds of files, made from tables, and what is right for each.

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <doctest/doctest.h>

#include <headcount/file/config_reader.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/list_files.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/task/choice/csv.hpp>
#include <headcount/task/json_lines.hpp>
#include <headcount/task/needle/haystack.hpp>
#include <headcount/task/text/documents.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;

namespace {

/// A reader of one file, a good file of its kind, and what it read as a text.
struct reader {
  std::string name;
  std::string good;
  std::function<std::string(std::filesystem::path const&)> read;
};

std::vector<reader> const& readers() {
  static std::vector<reader> const all{
      {"a.json", R"({"a": 1})", [](auto const& path) { return reference::read_json(path).dump(); }},
      {"config.json", R"({"a": Infinity})", [](auto const& path) { return reference::read_config_json(path).dump(); }},
      {"a.safetensors", test::safetensors_text(R"({"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", "ab"),
       [](auto const& path) { return reference::open_safetensors(path).tensors.begin()->first; }},
      {"a.csv", "a,b\nc,\"d\"\n",
       [](auto const& path) {
         std::string text;
         for (auto const& record : evaluate::read_csv(path))
           for (auto const& field : record.fields) text += field + "|";
         return text;
       }},
      {"a.jsonl", "{\"text\": \"one\"}\n{\"text\": \"two\"}\n",
       [](auto const& path) {
         std::string text;
         for (auto const& line : evaluate::read_json_lines(path)) text += line.value.dump();
         return text;
       }},
      {"a.txt", "Some words.", [](auto const& path) { return evaluate::read_documents(path)[0].text; }},
      {"a.bin", "bytes", [](auto const& path) { return digest_of_file(path); }},
  };
  return all;
}

}  // namespace

TEST_CASE("every reader names Git LFS's pointer, a link to nothing and a file that is not there as what they are") {
  constexpr std::string_view pointer =
      "version https://git-lfs.github.com/spec/v1\noid "
      "sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d1"
      "7e2393\nsize 12345\n";
  for (auto const& one : readers()) {
    CAPTURE(one.name);
    test::temporary_folder const folder;
    auto const path = folder.path() / one.name;
    auto const message = [&] { return test::message_of([&] { (void)one.read(path); }); };
    CHECK(message() == path.string() + ": cannot be read: No such file or directory");
    std::filesystem::create_symlink("../../blobs/x", path);
    CHECK(message() == path.string() + ": it is a link to ../../blobs/x, and nothing is there");
    std::filesystem::remove(path);
    folder.write(one.name, pointer);
    CHECK(message() ==
          path.string() + ": it is Git LFS's pointer to a file, and not the file (allowed: the file: git lfs pull)");
    folder.write(one.name, one.good);
    CHECK(!one.read(path).empty());
  }
}

TEST_CASE("every reader reads a pipe, and reads it again") {
  for (auto const& one : readers()) {
    CAPTURE(one.name);
    test::temporary_folder const folder;
    auto const expected = one.read(folder.write("file-" + one.name, one.good));
    auto const path = folder.path() / one.name;
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    {
      std::jthread const writer{[&] { std::ofstream{path} << one.good; }};
      CHECK(one.read(path) == expected);
    }
    CHECK(one.read(path) == expected);
    CHECK(digest_of_file(path) == digest_of_file(folder.path() / ("file-" + one.name)));
  }
}

TEST_CASE("byte order marks, line ends and empty lines change nothing, and U+2028 ends no line") {
  std::size_t count = 0;
  for (std::string const mark : {"", "\xef\xbb\xbf"})
    for (std::string const end : {"\n", "\r\n"})
      for (std::string const last : {"", "\n", "\r\n", "\n\n", "\r\n\r\n"})
        for (std::string const before : {"", "\n", "\r\n"})
          for (std::string const sign : {"x", "\xe2\x80\xa8", "\xc2\x85", "\xe2\x80\xa9", "\xc2\xa0"}) {
            test::temporary_folder const folder;
            auto const records =
                evaluate::read_csv(folder.write("a.csv", mark + before + "a" + sign + ",b" + end + "c,\"d\"" + last));
            REQUIRE(records.size() == 2);
            CHECK(records[0].fields == std::vector<std::string>{"a" + sign, "b"});
            CHECK(records[1].fields == std::vector<std::string>{"c", "d"});
            auto const lines = evaluate::read_json_lines(
                folder.write("a.jsonl", mark + before + "{\"t\": \"" + sign + "\"}" + end + "{\"t\": \"y\"}" + last));
            REQUIRE(lines.size() == 2);
            CHECK(lines[0].value["t"] == sign);
            CHECK(lines[1].value["t"] == "y");
            ++count;
          }
  CHECK(count == 300);
  test::temporary_folder const folder;
  CHECK(evaluate::read_documents(folder.write("a.txt", "\xef\xbb\xbfwords"))[0].text == "words");
  CHECK(reference::read_json(folder.write("a.json", "\xef\xbb\xbf{\"a\": 1}\r\n"))["a"] == 1);
  for (std::string const& wide : {std::string{"\xff\xfe{\0}\0", 6}, std::string{"\xfe\xff\0{\0}", 6}})
    for (std::string const name : {"a.csv", "a.jsonl", "a.txt"}) {
      auto const path = folder.write(name, wide);
      for (auto const& one : readers())
        if (one.name == name)
          CHECK(test::message_of([&] { (void)one.read(path); }) == path.string() + ": it is UTF-16 (allowed: UTF-8)");
    }
}

TEST_CASE("folders: what systems and editors leave there is no data, and a link to nothing is named") {
  test::temporary_folder const folder;
  for (auto const* name : {"a.txt", "b.txt", "ä.txt", "with space.txt", "x~y.txt", "#1.txt"})
    folder.write(name, "Good.");
  for (auto const* name : {".DS_Store", "._a.txt", ".a.txt.swp", ".hidden.txt", "a.txt~", "#a.txt#", ".#a.txt", "~"})
    folder.write(name, "Bad.");
  std::filesystem::create_directory(folder.path() / "c.txt");
  std::filesystem::create_directory(folder.path() / ".ipynb_checkpoints");
  std::vector<std::string> found;
  for (auto const& path : list_files(folder.path(), "", "a folder")) found.push_back(path.filename().string());
  CHECK(found == std::vector<std::string>{"#1.txt", "a.txt", "b.txt", "with space.txt", "x~y.txt", "ä.txt"});
  CHECK(evaluate::read_documents(folder.path()).size() == 6);
  CHECK(evaluate::read_haystack(folder.path()).text.find("Bad") == std::string::npos);
  std::filesystem::create_symlink("nothing", folder.path() / "d.txt");
  CHECK(test::contains(test::message_of([&] { (void)list_files(folder.path(), ".txt", "a folder"); }),
                       "d.txt: it is a link to nothing"));
  CHECK(list_files(folder.path(), ".csv", "a folder").empty());
}
